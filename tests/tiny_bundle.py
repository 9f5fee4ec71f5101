"""A bundle with real ONNX files, small enough to compute scores by hand.

Items a … f have indices 1 … 6. In the encoder, odd items (a c e) are (1, 0), even ones (b d f) are (0, 1); a shopper's
vector is the mean over the history. Item embeddings grow with the index: among the odd items e scores best, then c, a.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from pydantic import JsonValue

from freshet.data.history import Histories, model_input
from freshet.data.vocabulary import Vocabulary
from freshet.inference.baselines import Baselines, save_baselines
from freshet.inference.bundle import open_bundle, save_vocabulary
from freshet.inference.golden_requests import golden_ranker_outputs, save_golden_requests
from freshet.inference.manifest import BundleInfo, write_manifest
from freshet.inference.ranker import open_ranker
from freshet.inference.scoring import EncodedHistories

ITEM_IDS = ("a", "b", "c", "d", "e", "f")
EMBEDDINGS = np.array([[0, 0], [1, 0], [0, 1], [1, 0], [0, 1], [1, 0], [0, 1]], dtype=np.float32)
ITEM_EMBEDDINGS = EMBEDDINGS * (1 + np.arange(7, dtype=np.float32)[:, None] / 10)
POPULARITY = np.array([0, 1, 9, 3, 4, 5, 0], dtype=np.float64)  # b, then e, d, c, a, f


def vocabulary(ids: tuple[str, ...] = ITEM_IDS, delisted: tuple[str, ...] = ()) -> Vocabulary:
    """Return a vocabulary with titles "Item A", …, where every item costs 1."""
    return Vocabulary(
        item_ids=np.array(["", *ids]),
        titles=np.array(["", *(f"Item {item.upper()}" for item in ids)]),
        categories=np.array([""] * (len(ids) + 1)),
        prices=np.array([np.nan, *(1.0 for _ in ids)]),
        delisted=np.array([False, *(item in delisted for item in ids)]),
    )


def write_encoder(path: Path, embedding: np.ndarray = EMBEDDINGS) -> None:
    """Write an encoder: items, types, gaps (B, T) → vectors (B, D), the mean embedding of the history; repeats 0."""
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, ["B", "T"]) for n in ("items", "types", "gaps")]
    outputs = [
        helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["B", embedding.shape[1]]),
        helper.make_tensor_value_info("repeats", TensorProto.FLOAT, ["B", "T"]),
    ]
    constants = [
        numpy_helper.from_array(embedding.astype(np.float32), "embedding"),
        numpy_helper.from_array(np.array(0, dtype=np.int64), "pad"),
        numpy_helper.from_array(np.array([1], dtype=np.int64), "events"),
        numpy_helper.from_array(np.array(1, dtype=np.float32), "one"),
        numpy_helper.from_array(np.array(0, dtype=np.int64), "zero_int"),
    ]
    nodes = [
        helper.make_node("Gather", ["embedding", "items"], ["embedded"]),
        helper.make_node("ReduceSum", ["embedded", "events"], ["summed"], keepdims=0),
        helper.make_node("Greater", ["items", "pad"], ["is_event"]),
        helper.make_node("Cast", ["is_event"], ["weights"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["weights", "events"], ["n_events"], keepdims=1),
        helper.make_node("Max", ["n_events", "one"], ["count"]),
        # Types and gaps are multiplied by 0, so that all three inputs stay in the graph.
        helper.make_node("Mul", ["types", "zero_int"], ["zero_types"]),
        helper.make_node("Mul", ["gaps", "zero_int"], ["zero_gaps"]),
        helper.make_node("Add", ["zero_types", "zero_gaps"], ["zeros"]),
        helper.make_node("Cast", ["zeros"], ["zeros_float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["zeros_float", "events"], ["zero"], keepdims=1),
        helper.make_node("Div", ["summed", "count"], ["mean"]),
        helper.make_node("Add", ["mean", "zero"], ["vectors"]),
        helper.make_node("Identity", ["zeros_float"], ["repeats"]),
    ]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def write_item_encoder(path: Path) -> None:
    """Write an item encoder: (1, 0) for items that cost less than 10, else (0, 1)."""
    names = ("items", "words", "categories", "price_bands")
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, ["N", 12] if n == "words" else ["N"]) for n in names]
    outputs = [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["N", 2])]
    constants = [
        numpy_helper.from_array(np.array(6, dtype=np.int64), "ten"),
        numpy_helper.from_array(np.array([1], dtype=np.int64), "last"),
    ]
    nodes = [
        helper.make_node("Less", ["price_bands", "ten"], ["below"]),
        helper.make_node("Not", ["below"], ["above"]),
        helper.make_node("Cast", ["below"], ["cheap"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["above"], ["dear"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["cheap", "last"], ["x"]),
        helper.make_node("Unsqueeze", ["dear", "last"], ["y"]),
        helper.make_node("Concat", ["x", "y"], ["vectors"], axis=1),
    ]
    graph = helper.make_graph(nodes, "tiny items", inputs, outputs, constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)


def write_bundle(
    folder: Path,
    delisted: tuple[str, ...] = (),
    note: str = "",
    lineage: dict[str, JsonValue] | None = None,
    *,
    complete: bool = True,
) -> str:
    """Write a sealed bundle; return its id. note: makes it a different bundle.

    complete: with golden requests for the whole ranker; else for the encoder only, as in older bundles.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_encoder(folder / "shopper_encoder.fp32.onnx")
    write_encoder(folder / "shopper_encoder.int8.onnx", EMBEDDINGS * 1.01)
    write_item_encoder(folder / "item_encoder.onnx")
    np.save(folder / "item_embeddings.npy", ITEM_EMBEDDINGS)
    save_vocabulary(vocabulary(delisted=delisted), folder / "vocabulary.npz")
    zeros = np.zeros((7, 2), dtype=np.int32)
    save_baselines(Baselines(POPULARITY, zeros, zeros.astype(np.float32)), folder / "baselines.npz")
    golden_histories = view_histories(["a"], ["b", "b"])
    golden_output = EncodedHistories(np.array([[1, 0], [0, 1]], dtype=np.float32), np.zeros(3, dtype=np.float32))
    save_golden_requests(encoder_input(golden_histories), golden_output, folder / "golden.npz")
    info = BundleInfo(
        created_by="test", precision="fp32", max_history=4, lineage=lineage or {}, parameters={"note": note}, metrics={}
    )
    write_manifest(folder, info)
    if complete:
        ranker = open_ranker(open_bundle(folder))
        save_golden_requests(
            encoder_input(golden_histories),
            golden_output,
            folder / "golden.npz",
            golden_ranker_outputs(ranker, encoder_input(golden_histories)),
        )
    return write_manifest(folder, info)


def view_histories(*shoppers: list[str]) -> Histories:
    """Return views a minute apart on day 0, one list of items per shopper; "?" is an unknown item."""
    ids = vocabulary()
    sizes = [len(items) for items in shoppers]
    total = sum(sizes)
    return Histories(
        shoppers=np.array([f"s{n}" for n in range(len(shoppers))]),
        offsets=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        items=ids.indices([item for items in shoppers for item in items]),
        types=np.ones(total, dtype=np.int64),
        times=np.concatenate([np.arange(size) * 60 for size in sizes] or [np.zeros(0)]).astype(np.int64),
        days=np.zeros(total, dtype=np.int64),
    )


def encoder_input(histories: Histories):
    """Return the tiny encoder's input."""
    return model_input(histories, 4)
