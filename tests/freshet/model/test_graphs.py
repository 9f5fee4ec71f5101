"""A graph that was traced before gives, with other weights and another number of items, the very file a trace would."""

from dataclasses import replace

import numpy as np
import onnx
import onnxruntime as ort
import torch
from torch import nn

from freshet.content import encode, fitted
from freshet.model.export import ITEMS, SHOPPERS, export
from freshet.model.graphs import from_graph, key_of
from freshet.model.params import ModelConfig, TrainParams
from freshet.model.transformer import Recommender
from freshet.neighbourhood import Blend
from tests.checkerboard import vocabulary_of

SMALL = TrainParams(length=5, width=16, vector=16, heads=2, blocks=1, members=2)


def model_of(items: int, seed: int) -> Recommender:
    torch.manual_seed(seed)
    vocabulary = vocabulary_of(items)
    inputs = fitted(vocabulary.inputs, vocabulary.columns)
    made = Recommender(ModelConfig.of(SMALL, items, inputs)).know(encode(inputs, vocabulary.columns))
    return made.begin(torch.randn(items + 1, 32), torch.randn(items + 1)).eval()


def test_the_second_model_of_a_shape_comes_out_as_if_it_had_been_traced(tmp_path):
    first, second = model_of(20, 0), model_of(23, 1)
    export(first, vocabulary_of(20), tmp_path / "first", graphs=tmp_path / "graphs")
    kept = {path.name: path.stat().st_size for path in (tmp_path / "graphs").iterdir()}
    assert set(kept) == {key_of("shoppers", first.config), key_of("items", first.config)}
    export(second, vocabulary_of(23), tmp_path / "second", graphs=tmp_path / "graphs")
    assert {path.name: path.stat().st_size for path in (tmp_path / "graphs").iterdir()} == kept
    export(second, vocabulary_of(23), tmp_path / "traced")
    rng = np.random.default_rng(0)
    asked = {name: rng.integers(1, high, (3, 4)) for name, high in (("items", 24), ("types", 5), ("gaps", 32))}
    contents = {"items": np.arange(24), **encode(second.config.inputs, vocabulary_of(23).columns).fields}
    for name, feed in ((SHOPPERS, asked), (ITEMS, contents)):
        found, wanted = (ort.InferenceSession(tmp_path / made / name).run(None, feed) for made in ("second", "traced"))
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(one, other)


def test_another_shape_has_a_graph_of_its_own():
    config = ModelConfig.of(SMALL, 20, ())
    assert key_of("shoppers", config) == key_of("shoppers", ModelConfig.of(SMALL, 21, ()))
    assert key_of("shoppers", config) == key_of("shoppers", replace(config, blend=Blend(0.5, 0.8)))
    assert key_of("shoppers", config) != key_of(
        "shoppers", ModelConfig.of(SMALL.model_copy(update={"blocks": 2}), 20, ())
    )
    assert key_of("shoppers", config) != key_of("items", config)


class Scaled(nn.Module):
    """Holds a number that is no weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))


def test_a_graph_with_a_number_that_is_no_named_weight_is_not_kept(tmp_path):
    from onnx import TensorProto, helper, numpy_helper

    inputs, outputs = ([helper.make_tensor_value_info(name, TensorProto.FLOAT, [3])] for name in ("x", "y"))

    def trace(path, value):
        other = numpy_helper.from_array(np.full(3, value, dtype=np.float32), "weight")
        node = helper.make_node("Mul", ["x", "weight"], ["y"])
        graph = helper.make_graph([node], "scaled", inputs, outputs, [other])
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)

    made = from_graph(Scaled(), tmp_path / "derived.onnx", lambda path: trace(path, 2.0))
    assert not (tmp_path / "derived.onnx").exists()
    session = ort.InferenceSession(made.SerializeToString())
    assert session.run(None, {"x": np.array([1, 2, 3], dtype=np.float32)})[0].tolist() == [2, 4, 6]
    from_graph(Scaled(), tmp_path / "plain.onnx", lambda path: trace(path, 1.0))
    assert (tmp_path / "plain.onnx").exists()
