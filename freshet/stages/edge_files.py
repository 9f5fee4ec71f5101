"""The files of a bundle made small: for a till, a phone, a weak line. The same names, read by the same code.

What takes the room is what every item pays for. The item vectors become int8 with a scale per row and are stored once,
in the encoder that looks them up; of the neighbours the nearest stay, of the rules the most confident; the fp32 encoder
and the item encoder stay at home, so that an edge bundle has no tier `content`.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freshet.live.baselines import save_baselines
from freshet.live.bundle import (
    BASELINES,
    ENCODERS_VECTORS,
    ITEM_BIASES,
    ITEM_VECTORS_INT8,
    VOCABULARY,
    Bundle,
    encoder_file,
    save_int8,
)

NEIGHBOURS: Final = 250_000  # of all items together, the nearest of each: 25 of an item in a catalogue of 10,000
FEWEST: Final = 10  # of an item
RULES: Final = (
    100_000  # of all items together, the most confident of each item and event type: 10 in a catalogue of 10,000
)
FEWEST_RULES: Final = 5


def write_edge(full: Bundle, folder: Path) -> None:
    """Everything but the manifest and the golden requests."""
    vectors = full.item_vectors
    if shrink_encoder(full.folder / encoder_file("int8"), folder / encoder_file("int8"), vectors):
        np.save(folder / ITEM_BIASES, vectors[:, -1])
    else:  # the encoder of a model of your own reads something else
        save_int8(vectors, folder / ITEM_VECTORS_INT8)
    near = full.baselines
    most = max(FEWEST, NEIGHBOURS // len(vectors))
    few = replace(
        near,
        popularity=near.popularity.astype(np.float32).astype(np.float64),
        neighbours=near.neighbours[:, :most],
        neighbour_scores=near.neighbour_scores[:, :most],
        rules=near.rules.most(max(FEWEST_RULES, RULES // len(vectors))),
    )
    save_baselines(few, folder / BASELINES)
    for name, source in ((BASELINES, folder / BASELINES), (VOCABULARY, full.folder / VOCABULARY)):
        _compressed(source, folder / name)


def shrink_encoder(source: Path, target: Path, vectors: NDArray[np.float32]) -> bool:
    """The encoder with its float tables of a row per item in int8, a scale per row, read and scaled where looked up.

    vectors (V + 1, D). Returns whether one of them is the item vectors, which the encoder then gives as outputs too.
    """
    import onnx

    model = onnx.load(source)
    gives = False
    for tensor in list(model.graph.initializer):
        if tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.dims) == 2 and tensor.dims[0] == len(vectors):
            values = onnx.numpy_helper.to_array(tensor)
            theirs = not gives and values.shape == vectors[:, :-1].shape and np.allclose(values, vectors[:, :-1])
            names = ENCODERS_VECTORS if theirs else (f"{tensor.name}.int8", f"{tensor.name}.scales")
            if _in_int8(model.graph, tensor, values, names) and theirs:
                gives = True
                _put_out(model.graph, names)
    onnx.checker.check_model(model)
    onnx.save(model, target)
    return gives


def _in_int8(graph: Any, tensor: Any, values: NDArray[np.float32], names: tuple[str, str]) -> bool:
    """Replace a table that is only looked up: Gather(table) becomes Gather(int8) · Gather(scale)."""
    from onnx import numpy_helper

    readers = [node for node in graph.node if tensor.name in node.input]
    if any(node.op_type != "Gather" or node.input[0] != tensor.name for node in readers):
        return False
    scales = np.maximum(np.abs(values).max(axis=1, keepdims=True), 1e-12).astype(np.float32) / 127  # (rows, 1)
    small = (np.round(values / scales).astype(np.int8), scales)
    graph.initializer.remove(tensor)
    graph.initializer.extend(numpy_helper.from_array(array, name) for array, name in zip(small, names, strict=True))
    for node in readers:
        _look_up(graph, node, names)
    return True


def _put_out(graph: Any, names: tuple[str, str]) -> None:
    """Makes constants outputs besides: whoever does not ask for them pays nothing."""
    from onnx import helper

    constants = {tensor.name: tensor for tensor in graph.initializer}
    for name in names:
        shape = list(constants[name].dims)
        graph.output.append(helper.make_tensor_value_info(name, constants[name].data_type, shape))


def _look_up(graph: Any, node: Any, names: tuple[str, str]) -> None:
    import onnx
    from onnx import helper

    out, place = node.output[0], list(graph.node).index(node)
    number, scale = f"{out}.int8", f"{out}.scale"
    nodes = [
        helper.make_node("Gather", [names[0], node.input[1]], [number], axis=0),
        helper.make_node("Gather", [names[1], node.input[1]], [scale], axis=0),
        helper.make_node("Cast", [number], [f"{number}.float"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Mul", [f"{number}.float", scale], [out]),
    ]
    graph.node.remove(node)
    for offset, one in enumerate(nodes):
        graph.node.insert(place + offset, one)


def _compressed(source: Path, target: Path) -> None:
    with np.load(source, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    np.savez_compressed(target, **arrays)
