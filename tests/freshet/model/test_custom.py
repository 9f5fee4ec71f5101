"""Custom models: trained, stored, exported and sealed in a bundle like the built-in one."""

import shutil
from datetime import date
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from freshet.artifacts import ModelRef, TrainingSetRef
from freshet.errors import FreshetError
from freshet.inference.ranker import open_ranker
from freshet.model import checkpoint
from freshet.model.custom import build_custom_model
from freshet.model.onnx_export import SHOPPER_ENCODER_FILE, export
from freshet.model.params import ModelConfig, TrainParams
from freshet.steps.bundle.build import build_verified_bundle, write_artifacts
from freshet.training.batching import pack
from freshet.training.dataset import build_dataset
from freshet.training.objective import step_loss
from freshet.training.trainer import train
from tests.checkerboard import checkerboard_set

PARAMS = TrainParams(max_history=6, learning_rate=0.05, weight_decay=0.0, max_epochs=8, patience=8)
CONFIG = ModelConfig.from_params(PARAMS, 8)
REF = TrainingSetRef(as_of=date(1970, 1, 12), train_until=date(1970, 1, 11), snapshots={})
GRU_CLASS = "tests.own_models:SmallGru"
EVERY_EVENT_GRU_CLASS = "tests.own_models:GruEverywhere"


def params_for(model: str) -> TrainParams:
    return PARAMS.model_copy(update={"model_class": model})


def test_a_gru_goes_from_training_to_the_sealed_bundle(tmp_path):
    shop = checkerboard_set()
    training_result = train(shop, params_for(GRU_CLASS), "cpu")
    assert training_result.curve[-1].loss < 1.8  # guessing would be log 8 = 2.08, knowing the colour log 4 = 1.39
    checkpoint.save(training_result.model, tmp_path / "model")
    model = checkpoint.load(tmp_path / "model")
    ref = ModelRef(id="gru", training_set=REF, parameters=params_for(GRU_CLASS).model_dump(), metrics={})
    (tmp_path / "bundle").mkdir()
    write_artifacts(tmp_path / "bundle", model, shop, lambda _: None)
    verified_bundle, reason = build_verified_bundle(tmp_path / "bundle", model, shop, ref)
    assert reason == ""
    assert verified_bundle is not None
    assert verified_bundle.fp32.passed
    assert verified_bundle.bundle.manifest.parameters["model_class"] == GRU_CLASS
    even = np.array([[2, 4, 2]])
    with torch.no_grad():
        vectors, _ = model(*(torch.from_numpy(even) for _ in range(3)))
        best = (vectors @ model.item_embeddings().T)[0, 1:].topk(4).indices + 1
    assert set(best.tolist()) == {2, 4, 6, 8}  # even shoppers like even items
    assert open_ranker(verified_bundle.bundle, "fp32").bundle.item_embeddings.shape == (9, 12)


def test_an_external_onnx_encoder_goes_to_the_bundle_without_training(tmp_path):
    shop = checkerboard_set()
    torch.manual_seed(0)
    gru = build_custom_model(GRU_CLASS, CONFIG)
    with torch.no_grad():  # as if trained elsewhere: items of one colour have the same embedding
        gru.net.items.weight[1:] = torch.tensor([[-1.0], [1.0]] * 4) * torch.ones(12)
    folder = tmp_path / "theirs"
    export(gru.eval(), shop.vocabulary, folder)
    (folder / SHOPPER_ENCODER_FILE).rename(folder / "shopper_encoder.onnx")
    params = params_for(f"onnx:{folder}")
    training_result = train(shop, params, "cpu")
    assert [p.epoch for p in training_result.curve] == [0]
    checkpoint.save(training_result.model, tmp_path / "model")
    shutil.rmtree(folder)  # the lake has all of it
    model = checkpoint.load(tmp_path / "model")
    (tmp_path / "bundle").mkdir()
    write_artifacts(tmp_path / "bundle", model, shop, lambda _: None)
    ref = ModelRef(id="onnx", training_set=REF, parameters=params.model_dump(), metrics={})
    verified_bundle, reason = build_verified_bundle(tmp_path / "bundle", model, shop, ref)
    assert reason == ""
    assert verified_bundle is not None
    assert verified_bundle.fp32.passed
    assert np.array_equal(verified_bundle.bundle.item_embeddings, gru.item_embeddings().detach().numpy())


def write_onnx_encoder(folder: Path, outputs: list[str], rows: int) -> str:
    """An encoder that gives one-hot vectors of the first item, and the identity as vectors."""
    folder.mkdir()
    names = [helper.make_tensor_value_info(n, TensorProto.INT64, ["b", "t"]) for n in ("items", "types", "gaps")]
    outputs_info = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["b", "e"]) for n in outputs]
    nodes = [helper.make_node("Cast", ["items"], [outputs[0]], to=TensorProto.FLOAT)]
    graph = helper.make_graph(nodes, "g", names, outputs_info)
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 17)])
    onnx.save(model, folder / "shopper_encoder.onnx")
    np.save(folder / "item_embeddings.npy", np.ones((rows, 3), dtype=np.float32))
    return f"onnx:{folder}"


def test_missing_repeats_and_items_of_an_encoder_are_zeros(tmp_path):
    model = build_custom_model(write_onnx_encoder(tmp_path / "a", ["vectors"], 5), CONFIG)
    vectors, repeats = model(*(torch.tensor([[1, 2, 3]]) for _ in range(3)))
    assert vectors.tolist() == [[1.0, 2.0, 3.0]]
    assert repeats.tolist() == [[0.0, 0.0, 0.0]]
    assert model.item_embeddings().sum(dim=1).tolist() == [0, 3, 3, 3, 3, 0, 0, 0, 0]


def test_a_wrong_external_encoder_is_refused_with_the_reason(tmp_path):
    guide = "see docs/training.md (An encoder of your own) for the files and their shapes"
    names = {
        f"onnx:{tmp_path}": "the folder has no shopper_encoder.onnx",
        write_onnx_encoder(tmp_path / "a", ["answer"], 5): (
            "shopper_encoder.onnx has inputs items, types, gaps and outputs answer "
            "instead of inputs items, types, gaps and outputs vectors (and repeats)"
        ),
        write_onnx_encoder(tmp_path / "b", ["vectors"], 10): (
            "item_embeddings.npy is float32 (10, 3) instead of float32 (n, E) with at most 9 rows, "
            "row i for index i of the vocabulary"
        ),
    }
    for name, message in names.items():
        with pytest.raises(FreshetError) as error:
            build_custom_model(name, CONFIG)
        assert str(error.value) == f"model_class={name}: {message}; {guide}"


def test_a_gru_that_encodes_all_events_has_the_same_loss():
    dataset = build_dataset(checkerboard_set().histories)
    pieces = np.array([[0, 0, 4], [1, 2, 4], [2, 0, 6]])
    batch = pack(dataset, pieces, 0.0, np.random.default_rng(0))
    torch.manual_seed(0)
    gru = build_custom_model(GRU_CLASS, CONFIG)
    every_event_gru = build_custom_model(EVERY_EVENT_GRU_CLASS, CONFIG)
    every_event_gru.load_state_dict(gru.state_dict())
    assert step_loss(gru, batch).item() == pytest.approx(step_loss(every_event_gru, batch).item(), abs=1e-6)


def test_the_same_seed_gives_the_same_weights():
    short = params_for(EVERY_EVENT_GRU_CLASS).model_copy(update={"max_epochs": 2})
    first, second = (train(checkerboard_set(), short, "cpu").model.state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


MODEL_CLASS_FIX = "write model_class as package.module:Class, a torch module that can be imported here"
METHODS_FIX = "see docs/training.md (Your own model) for the methods and their shapes"


@pytest.mark.parametrize(
    ("name", "what", "fix"),
    [
        ("SmallGru", "it is not package.module:Class", MODEL_CLASS_FIX),
        ("no_such:Gru", "no_such cannot be imported (No module named 'no_such')", MODEL_CLASS_FIX),
        ("tests.own_models:Gru", "tests.own_models has no torch module named Gru", MODEL_CLASS_FIX),
        (
            "tests.own_models:NOT_A_CLASS",
            "tests.own_models has no torch module named NOT_A_CLASS",
            MODEL_CLASS_FIX,
        ),
        ("tests.own_models:NoItems", "it has no method item_embeddings", METHODS_FIX),
        (
            "tests.own_models:Narrow",
            "forward of (2, 3) has the shape (2, 5) instead of (2, 12) to match item_embeddings()",
            METHODS_FIX,
        ),
        (
            "tests.own_models:FewItems",
            "item_embeddings() has the shape (8, 12) instead of (9, E), one row per item and row 0",
            METHODS_FIX,
        ),
        (
            "tests.own_models:FormerNames",
            "its method item_vectors is named item_embeddings now, its method know is named load_content now",
            "rename it in the class",
        ),
    ],
)
def test_a_custom_model_without_a_required_method_or_shape_is_refused(name, what, fix):
    with pytest.raises(FreshetError) as error:
        build_custom_model(name, CONFIG)
    assert str(error.value) == f"model_class={name}: {what}; {fix}"
