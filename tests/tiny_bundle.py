"""A bundle small enough to compute by hand, with real ONNX files.

Items a b c d e f are 1 … 6. Odd ones (a c e) point to (1, 0), even ones (b d f) to (0, 1); a shopper's vector is the
mean over the history. An item's own vector is a little longer the later it stands: of the odd ones e wins, then c, a.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from pydantic import JsonValue

from freshet.data.history import Histories
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
    """Titles are "Item A", …; everything costs 1."""
    return Vocabulary(
        item_ids=np.array(["", *ids]),
        titles=np.array(["", *(f"Item {item.upper()}" for item in ids)]),
        categories=np.array([""] * (len(ids) + 1)),
        prices=np.array([np.nan, *(1.0 for _ in ids)]),
        delisted=np.array([False, *(item in delisted for item in ids)]),
    )


def write_encoder(path: Path, embedding: np.ndarray = EMBEDDINGS) -> None:
    """items, types, gaps (B, T) → vectors (B, D), the mean of the embeddings of what is not padding; repeats 0."""
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
        numpy_helper.from_array(np.array(0, dtype=np.int64), "nothing"),
    ]
    nodes = [
        helper.make_node("Gather", ["embedding", "items"], ["embedded"]),
        helper.make_node("ReduceSum", ["embedded", "events"], ["summed"], keepdims=0),
        helper.make_node("Greater", ["items", "pad"], ["there"]),
        helper.make_node("Cast", ["there"], ["weights"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["weights", "events"], ["counted"], keepdims=1),
        helper.make_node("Max", ["counted", "one"], ["count"]),
        # Types and gaps are read and have no say, so that all three inputs stay in the graph.
        helper.make_node("Mul", ["types", "nothing"], ["no_types"]),
        helper.make_node("Mul", ["gaps", "nothing"], ["no_gaps"]),
        helper.make_node("Add", ["no_types", "no_gaps"], ["no_say"]),
        helper.make_node("Cast", ["no_say"], ["no_say_float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["no_say_float", "events"], ["zero"], keepdims=1),
        helper.make_node("Div", ["summed", "count"], ["mean"]),
        helper.make_node("Add", ["mean", "zero"], ["vectors"]),
        helper.make_node("Identity", ["no_say_float"], ["repeats"]),
    ]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def write_item_encoder(path: Path) -> None:
    """Known by its content, an item points to (1, 0) where it costs less than 10, else to (0, 1)."""
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
    """A sealed bundle in `folder`; returns its id. note: makes it another bundle.

    whole: its golden requests ask the whole ranker; else the encoder only, as those of older bundles.
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
    golden_answer = EncodedHistories(np.array([[1, 0], [0, 1]], dtype=np.float32), np.zeros(3, dtype=np.float32))
    save_golden_requests(encoder_input(golden_histories), golden_answer, folder / "golden.npz")
    facts = {"lineage": lineage or {}, "parameters": {"note": note}, "metrics": {}}
    write_manifest(folder, BundleInfo(created_by="test", precision="fp32", max_history=4, **facts))
    if complete:
        ranker = open_ranker(open_bundle(folder))
        save_golden_requests(
            encoder_input(golden_histories),
            golden_answer,
            folder / "golden.npz",
            golden_ranker_outputs(ranker, encoder_input(golden_histories)),
        )
    return write_manifest(folder, BundleInfo(created_by="test", precision="fp32", max_history=4, **facts))


def view_histories(*shoppers: list[str]) -> Histories:
    """Views a minute apart on day 0, one list of items per shopper; "?" is unknown."""
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
    """What the tiny encoder reads."""
    from freshet.data.history import model_input

    return model_input(histories, 4)
