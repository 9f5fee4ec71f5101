"""Build a verified bundle without Spark: export, parity, golden requests of the whole ranker."""

from datetime import date

import numpy as np
import pytest
import torch

from freshet.artifacts import ModelRef, TrainingSetRef
from freshet.data.item_encoding import encode_attributes, fit_schema
from freshet.errors import BundleError
from freshet.inference.bundle import open_bundle
from freshet.inference.golden_requests import check_golden_requests
from freshet.inference.manifest import write_manifest
from freshet.inference.ranker import open_ranker
from freshet.model.params import ModelConfig, TrainParams
from freshet.model.transformer import Recommender
from freshet.steps.bundle.build import build_verified_bundle, bundle_profile, write_artifacts
from tests.checkerboard import checkerboard_set

SMALL_PARAMS = TrainParams(max_history=8, hidden_dim=16, embedding_dim=16, n_heads=1, n_layers=1, ensemble_size=1)
REF = ModelRef(
    id="m",
    training_set=TrainingSetRef(as_of=date(1970, 1, 21), train_until=date(1970, 1, 15), snapshots={}),
    parameters={},
    metrics={},
)


@pytest.fixture(scope="module")
def built_bundle(tmp_path_factory):
    folder, data = tmp_path_factory.mktemp("bundle"), checkerboard_set()
    torch.manual_seed(0)
    inputs = fit_schema(data.vocabulary.item_schema, data.vocabulary.item_attributes)
    config = ModelConfig.from_params(SMALL_PARAMS, len(data.vocabulary), inputs)
    model = Recommender(config).load_content(encode_attributes(inputs, data.vocabulary.item_attributes))
    model.init_item_embeddings(torch.randn(len(data.vocabulary) + 1, 16), torch.randn(len(data.vocabulary) + 1))
    write_artifacts(folder, model.eval(), data, lambda _: None)
    return folder, *build_verified_bundle(folder, model, data, REF)


def test_a_sealed_bundle_is_batch_invariant_and_passes_its_golden_requests(built_bundle):
    folder, verified_bundle, reason = built_bundle
    assert reason == ""
    profile = bundle_profile(verified_bundle, reason)
    assert profile["batch_agreement"] == 1.0
    assert profile["latency"].startswith("one request takes ")
    assert check_golden_requests(open_ranker(open_bundle(folder))) < 1e-3


def test_shuffled_item_embeddings_are_refused_even_if_sealed_again(built_bundle):
    folder, verified_bundle, _ = built_bundle
    manifest = verified_bundle.bundle.manifest
    path = folder / "item_embeddings.npy"
    original = path.read_bytes()
    vectors = np.load(path)
    np.save(path, np.concatenate([vectors[:1], vectors[:0:-1]]))
    write_manifest(folder, manifest.info)
    with pytest.raises(BundleError, match="its lists are not those at export"):
        check_golden_requests(open_ranker(open_bundle(folder)))
    path.write_bytes(original)
