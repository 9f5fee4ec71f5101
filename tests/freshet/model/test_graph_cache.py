"""A cached graph with other weights and another number of items gives the same file as tracing."""

from dataclasses import replace

import numpy as np
import onnx
import onnxruntime as ort
import torch
from torch import nn

from freshet.data.item_encoding import encode_attributes, fit_schema
from freshet.data.knn_blend import KnnBlend
from freshet.model.graph_cache import export_with_cache, graph_key
from freshet.model.onnx_export import ITEM_ENCODER_FILE, SHOPPER_ENCODER_FILE, export
from freshet.model.params import ModelConfig, TrainParams
from freshet.model.transformer import Recommender
from tests.checkerboard import vocabulary_of

SMALL_PARAMS = TrainParams(max_history=5, hidden_dim=16, embedding_dim=16, n_heads=2, n_layers=1, ensemble_size=2)


def build_model(items: int, seed: int) -> Recommender:
    torch.manual_seed(seed)
    vocabulary = vocabulary_of(items)
    inputs = fit_schema(vocabulary.item_schema, vocabulary.item_attributes)
    recommender = Recommender(ModelConfig.from_params(SMALL_PARAMS, items, inputs)).load_content(
        encode_attributes(inputs, vocabulary.item_attributes)
    )
    return recommender.init_item_embeddings(torch.randn(items + 1, 32), torch.randn(items + 1)).eval()


def test_the_second_model_of_an_architecture_equals_a_traced_one(tmp_path):
    first, second = build_model(20, 0), build_model(23, 1)
    export(first, vocabulary_of(20), tmp_path / "first", graph_cache=tmp_path / "graphs")
    file_sizes = {path.name: path.stat().st_size for path in (tmp_path / "graphs").iterdir()}
    assert set(file_sizes) == {graph_key("shoppers", first.config), graph_key("items", first.config)}
    export(second, vocabulary_of(23), tmp_path / "second", graph_cache=tmp_path / "graphs")
    assert {path.name: path.stat().st_size for path in (tmp_path / "graphs").iterdir()} == file_sizes
    export(second, vocabulary_of(23), tmp_path / "traced")
    rng = np.random.default_rng(0)
    batch = {name: rng.integers(1, high, (3, 4)) for name, high in (("items", 24), ("types", 5), ("gaps", 32))}
    contents = {
        "items": np.arange(24),
        **encode_attributes(second.config.item_schema, vocabulary_of(23).item_attributes).features,
    }
    for name, feed in ((SHOPPER_ENCODER_FILE, batch), (ITEM_ENCODER_FILE, contents)):
        output, expected = (
            ort.InferenceSession(tmp_path / folder_name / name).run(None, feed) for folder_name in ("second", "traced")
        )
        for one, other in zip(output, expected, strict=True):
            np.testing.assert_array_equal(one, other)


def test_another_architecture_has_another_graph():
    config = ModelConfig.from_params(SMALL_PARAMS, 20, ())
    assert graph_key("shoppers", config) == graph_key("shoppers", ModelConfig.from_params(SMALL_PARAMS, 21, ()))
    assert graph_key("shoppers", config) == graph_key("shoppers", replace(config, blend=KnnBlend(0.5, 0.8)))
    assert graph_key("shoppers", config) != graph_key(
        "shoppers", ModelConfig.from_params(SMALL_PARAMS.model_copy(update={"n_layers": 2}), 20, ())
    )
    assert graph_key("shoppers", config) != graph_key("items", config)


class ScaledModule(nn.Module):
    """Multiplies by its weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))


def test_a_graph_with_a_constant_that_is_no_named_weight_is_not_cached(tmp_path):
    from onnx import TensorProto, helper, numpy_helper

    inputs, outputs = ([helper.make_tensor_value_info(name, TensorProto.FLOAT, [3])] for name in ("x", "y"))

    def write_traced(path, value):
        other = numpy_helper.from_array(np.full(3, value, dtype=np.float32), "weight")
        node = helper.make_node("Mul", ["x", "weight"], ["y"])
        graph = helper.make_graph([node], "scaled", inputs, outputs, [other])
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)

    is_reused = export_with_cache(ScaledModule(), tmp_path / "derived.onnx", lambda path: write_traced(path, 2.0))
    assert not (tmp_path / "derived.onnx").exists()
    session = ort.InferenceSession(is_reused.SerializeToString())
    assert session.run(None, {"x": np.array([1, 2, 3], dtype=np.float32)})[0].tolist() == [2, 4, 6]
    export_with_cache(ScaledModule(), tmp_path / "plain.onnx", lambda path: write_traced(path, 1.0))
    assert (tmp_path / "plain.onnx").exists()
