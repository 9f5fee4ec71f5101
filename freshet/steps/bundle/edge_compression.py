"""Compress the files of a bundle for edge devices: tills, phones, slow connections. The same code reads them.

Most of the size is per item. Item embeddings become int8 with one scale per row and are stored once, in the encoder
that looks them up; only the most similar neighbours and the most confident rules are kept; the fp32 encoder and the
item encoder are left out, so that an edge bundle has no tier `content`.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freshet.inference.baselines import save_baselines
from freshet.inference.bundle import (
    BASELINES_FILE,
    ENCODER_EMBEDDING_OUTPUTS,
    ITEM_BIASES_FILE,
    ITEM_EMBEDDINGS_INT8_FILE,
    VOCABULARY_FILE,
    Bundle,
    encoder_file_name,
    save_int8_embeddings,
)

MAX_NEIGHBOURS: Final = 250_000  # of all items: 25 for each in a catalogue of 10,000
MIN_NEIGHBOURS_PER_ITEM: Final = 10
MAX_RULES: Final = 100_000  # of all items: 10 for each item and event type in a catalogue of 10,000
MIN_RULES_PER_ITEM: Final = 5


def write_edge_files(full_bundle: Bundle, folder: Path) -> None:
    """Write every file of the edge bundle but the manifest and the golden requests."""
    item_embeddings = full_bundle.item_embeddings
    if quantize_encoder(
        full_bundle.folder / encoder_file_name("int8"), folder / encoder_file_name("int8"), item_embeddings
    ):
        np.save(folder / ITEM_BIASES_FILE, item_embeddings[:, -1])
    else:  # a custom model's encoder has no such table
        save_int8_embeddings(item_embeddings, folder / ITEM_EMBEDDINGS_INT8_FILE)
    baselines = full_bundle.baselines
    max_neighbours = max(MIN_NEIGHBOURS_PER_ITEM, MAX_NEIGHBOURS // len(item_embeddings))
    pruned_baselines = replace(
        baselines,
        popularity=baselines.popularity.astype(np.float32).astype(np.float64),
        neighbours=baselines.neighbours[:, :max_neighbours],
        neighbour_scores=baselines.neighbour_scores[:, :max_neighbours],
        rules=baselines.rules.truncate(max(MIN_RULES_PER_ITEM, MAX_RULES // len(item_embeddings))),
    )
    save_baselines(pruned_baselines, folder / BASELINES_FILE)
    for name, source in (
        (BASELINES_FILE, folder / BASELINES_FILE),
        (VOCABULARY_FILE, full_bundle.folder / VOCABULARY_FILE),
    ):
        _compress_arrays(source, folder / name)


def quantize_encoder(source: Path, target: Path, item_embeddings: NDArray[np.float32]) -> bool:
    """Write the encoder with its per-item float tables quantized to int8 with one scale per row.

    item_embeddings: (V + 1, D). Returns whether one of the tables holds them; the encoder then also outputs them.
    """
    import onnx

    model = onnx.load(source)
    outputs_embeddings = False
    for tensor in list(model.graph.initializer):
        if (
            tensor.data_type == onnx.TensorProto.FLOAT
            and len(tensor.dims) == 2
            and tensor.dims[0] == len(item_embeddings)
        ):
            values = onnx.numpy_helper.to_array(tensor)
            is_item_embeddings = (
                not outputs_embeddings
                and values.shape == item_embeddings[:, :-1].shape
                and np.allclose(values, item_embeddings[:, :-1])
            )
            tensor_names = (
                ENCODER_EMBEDDING_OUTPUTS if is_item_embeddings else (f"{tensor.name}.int8", f"{tensor.name}.scales")
            )
            if _quantize_table(model.graph, tensor, values, tensor_names) and is_item_embeddings:
                outputs_embeddings = True
                _add_graph_outputs(model.graph, tensor_names)
    onnx.checker.check_model(model)
    onnx.save(model, target)
    return outputs_embeddings


def _quantize_table(graph: Any, tensor: Any, values: NDArray[np.float32], tensor_names: tuple[str, str]) -> bool:
    """Quantize a table that is only looked up: Gather(table) becomes Gather(int8) · Gather(scale)."""
    from onnx import numpy_helper

    consumers = [node for node in graph.node if tensor.name in node.input]
    if any(node.op_type != "Gather" or node.input[0] != tensor.name for node in consumers):
        return False
    scales = np.maximum(np.abs(values).max(axis=1, keepdims=True), 1e-12).astype(np.float32) / 127  # (rows, 1)
    quantized = (np.round(values / scales).astype(np.int8), scales)
    graph.initializer.remove(tensor)
    graph.initializer.extend(
        numpy_helper.from_array(array, name) for array, name in zip(quantized, tensor_names, strict=True)
    )
    for node in consumers:
        _insert_dequantize(graph, node, tensor_names)
    return True


def _add_graph_outputs(graph: Any, tensor_names: tuple[str, str]) -> None:
    """Add constants as graph outputs; they cost nothing in a run that does not request them."""
    from onnx import helper

    constants = {tensor.name: tensor for tensor in graph.initializer}
    for name in tensor_names:
        shape = list(constants[name].dims)
        graph.output.append(helper.make_tensor_value_info(name, constants[name].data_type, shape))


def _insert_dequantize(graph: Any, node: Any, tensor_names: tuple[str, str]) -> None:
    import onnx
    from onnx import helper

    output, index = node.output[0], list(graph.node).index(node)
    quantized, scale = f"{output}.int8", f"{output}.scale"
    new_nodes = [
        helper.make_node("Gather", [tensor_names[0], node.input[1]], [quantized], axis=0),
        helper.make_node("Gather", [tensor_names[1], node.input[1]], [scale], axis=0),
        helper.make_node("Cast", [quantized], [f"{quantized}.float"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Mul", [f"{quantized}.float", scale], [output]),
    ]
    graph.node.remove(node)
    for offset, new_node in enumerate(new_nodes):
        graph.node.insert(index + offset, new_node)


def _compress_arrays(source: Path, target: Path) -> None:
    with np.load(source, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    np.savez_compressed(target, **arrays)
