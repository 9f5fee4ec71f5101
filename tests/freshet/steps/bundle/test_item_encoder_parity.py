"""Parity of the item encoder's ONNX file with torch, on a catalogue with columns of every kind."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from freshet.data.item_encoding import encode_attributes, fit_schema
from freshet.inference.baselines import Baselines
from freshet.inference.bundle import Bundle
from freshet.inference.item_encoder import open_item_encoder
from freshet.inference.manifest import BundleInfo, load_verified_manifest, write_manifest
from freshet.item_schema import parse_schema
from freshet.model.onnx_export import ITEM_ENCODER_FILE, _export_item_encoder, reference_item_embeddings
from freshet.model.params import ModelConfig, TrainParams
from freshet.model.transformer import Recommender
from freshet.steps.bundle.item_encoder_parity import item_encoder_error
from tests.checkerboard import vocabulary_of

ITEM_SCHEMA = "title:words,price:number,brand:category,sale:flag,picture:vector"


@pytest.fixture(scope="module")
def vocabulary():
    rng = np.random.default_rng(0)
    pictures = np.concatenate([np.zeros((1, 3)), rng.normal(size=(4, 3))]).astype(np.float32)
    attributes = {"brand": np.array(["", "Inky", "Alpino", "", "Inky"]), "sale": np.array(["", "yes", "no", "", "1"])}
    extra_columns = {
        "attributes": attributes,
        "content_embeddings": {"picture": pictures},
        "item_schema": parse_schema(ITEM_SCHEMA),
    }
    return replace(vocabulary_of(4), **extra_columns)


@pytest.fixture(scope="module")
def model(vocabulary):
    torch.manual_seed(0)
    inputs = fit_schema(vocabulary.item_schema, vocabulary.item_attributes)
    recommender = Recommender(ModelConfig.from_params(TrainParams(hidden_dim=8, embedding_dim=8), 4, inputs)).eval()
    for attribute_layer in recommender.item_encoder.fields:
        torch.nn.init.normal_(attribute_layer.weight)
    return recommender.load_content(encode_attributes(inputs, vocabulary.item_attributes)).set_observed_items(
        torch.tensor([False, True, True, True, False])
    )


@pytest.fixture(scope="module")
def bundle(model, vocabulary, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    _export_item_encoder(model, folder / ITEM_ENCODER_FILE, None)
    sealed = {"created_by": "test", "precision": "fp32", "length": 4, "lineage": {}, "parameters": {}, "metrics": {}}
    write_manifest(folder, BundleInfo(item_schema=model.config.item_schema, **sealed))
    name, manifest = load_verified_manifest(folder)
    empty_baselines = Baselines(np.zeros(5), np.zeros((5, 1), np.int32), np.zeros((5, 1), np.float32))
    return Bundle(name, folder, manifest, vocabulary, reference_item_embeddings(model, vocabulary), empty_baselines)


def test_every_kind_of_column_has_parity_with_torch(bundle, model, vocabulary):
    assert item_encoder_error(bundle, model, vocabulary) < 1e-5


def test_an_item_encoder_with_other_outputs_fails_parity(bundle, model, vocabulary):
    other = Recommender(model.config).eval()
    other.load_state_dict(model.state_dict())
    with torch.no_grad():
        other.item_encoder.fields[2].weight += 1  # another brand table
    assert item_encoder_error(bundle, other, vocabulary) > 0.01  # the gate allows 0.001


def test_an_item_without_events_has_the_embedding_of_its_content(bundle, vocabulary):
    single_result = open_item_encoder(bundle).encode(vocabulary.item_attributes)
    np.testing.assert_allclose(bundle.item_embeddings[4], single_result[4], atol=1e-5)
    assert np.abs(bundle.item_embeddings[1] - single_result[1]).max() > 0.001


def test_missing_content_embeddings_are_encoded_as_zeros(bundle, vocabulary):
    encoder, columns = open_item_encoder(bundle), vocabulary.item_attributes
    empty = replace(columns, content_embeddings={"picture": np.zeros((5, 3), np.float32)})
    np.testing.assert_array_equal(encoder.encode(replace(columns, content_embeddings={})), encoder.encode(empty))
