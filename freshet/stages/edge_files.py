"""The files of a bundle made small: for a till, a phone, a weak line. The same names, read by the same code.

What takes the room is what every item pays for. The item vectors and the encoder's table of them become int8 with a
scale per row; of the neighbours the nearest stay; the fp32 encoder and the item encoder stay at home, so that an edge
bundle has no tier `content`.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from freshet.live.baselines import save_baselines
from freshet.live.bundle import BASELINES, ITEM_VECTORS_INT8, VOCABULARY, Bundle, encoder_file, save_int8

NEIGHBOURS: Final = 250_000  # of all items together, the nearest of each: 25 of an item in a catalogue of 10,000
FEWEST: Final = 10  # of an item


def write_edge(full: Bundle, folder: Path) -> None:
    """Everything but the manifest and the golden requests."""
    shrink_encoder(full.folder / encoder_file("int8"), folder / encoder_file("int8"), len(full.item_vectors))
    save_int8(full.item_vectors, folder / ITEM_VECTORS_INT8)
    near = full.baselines
    most = max(FEWEST, NEIGHBOURS // len(full.item_vectors))
    few = replace(
        near,
        popularity=near.popularity.astype(np.float32).astype(np.float64),
        neighbours=near.neighbours[:, :most],
        neighbour_scores=near.neighbour_scores[:, :most],
    )
    save_baselines(few, folder / BASELINES)
    for name, source in ((BASELINES, folder / BASELINES), (VOCABULARY, full.folder / VOCABULARY)):
        _compressed(source, folder / name)


def shrink_encoder(source: Path, target: Path, rows: int) -> None:
    """The encoder with its float tables of so many rows in int8, a scale per row, read and scaled where looked up."""
    import onnx

    model = onnx.load(source)
    for tensor in list(model.graph.initializer):
        if tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.dims) == 2 and tensor.dims[0] == rows:
            _in_int8(model.graph, tensor)
    onnx.checker.check_model(model)
    onnx.save(model, target)


def _in_int8(graph: Any, tensor: Any) -> None:
    """Replace a table that is only looked up: Gather(table) becomes Gather(int8) · Gather(scale)."""
    from onnx import numpy_helper

    readers = [node for node in graph.node if tensor.name in node.input]
    if any(node.op_type != "Gather" or node.input[0] != tensor.name for node in readers):
        return
    values = numpy_helper.to_array(tensor)
    scales = np.maximum(np.abs(values).max(axis=1, keepdims=True), 1e-12).astype(np.float32) / 127  # (rows, 1)
    name, numbers = tensor.name, np.round(values / scales).astype(np.int8)
    graph.initializer.remove(tensor)
    small = {f"{name}.int8": numbers, f"{name}.scales": scales}
    graph.initializer.extend(numpy_helper.from_array(array, key) for key, array in small.items())
    for node in readers:
        _look_up(graph, node, name)


def _look_up(graph: Any, node: Any, name: str) -> None:
    import onnx
    from onnx import helper

    out, place = node.output[0], list(graph.node).index(node)
    number, scale = f"{out}.int8", f"{out}.scale"
    nodes = [
        helper.make_node("Gather", [f"{name}.int8", node.input[1]], [number], axis=0),
        helper.make_node("Gather", [f"{name}.scales", node.input[1]], [scale], axis=0),
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
