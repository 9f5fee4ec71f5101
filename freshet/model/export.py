"""The trained model becomes the files that serve: ONNX encoders, the smaller variants and the item vectors."""

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.export import Dim

from freshet.content import ItemContent, encode
from freshet.errors import BundleError
from freshet.history import Ints
from freshet.item_inputs import RESERVED
from freshet.model.brought import Brought
from freshet.model.graphs import from_graph, key_of
from freshet.model.items import unknown
from freshet.model.own import Model, Own, encoder_of
from freshet.model.transformer import Recommender
from freshet.vocabulary import Vocabulary

SHOPPERS = "shopper_encoder.fp32.onnx"
SHOPPERS_INT8 = "shopper_encoder.int8.onnx"
SHOPPERS_FP16 = "shopper_encoder.fp16.onnx"
ITEMS = "item_encoder.onnx"
ITEM_VECTORS = "item_vectors.npy"
CHATTER = ("torch.onnx", "onnxscript", "onnx_ir", "onnxruntime", "onnxruntime.quantization", "root")

Floats = NDArray[np.float32]


def export(
    model: Model,
    vocabulary: Vocabulary,
    folder: Path,
    progress: Callable[[str], None] = lambda _: None,
    graphs: Path | None = None,
    half: bool = False,
) -> tuple[Path, ...]:
    """Writes the files into `folder` and returns their paths; a model of your own has no item encoder.

    progress: called with each file's name before it is made. graphs: where traced graphs are kept, for the next model
    of the same shape (freshet.model.graphs); unset: every model is traced anew, which takes seconds.
    half: the shopper encoder in fp16 as well, for a GPU.
    Raises BundleError if the model was trained on another vocabulary.
    """
    if len(vocabulary) != model.config.items:
        raise BundleError(
            "bundle",
            f"the model knows {model.config.items} items, the vocabulary {len(vocabulary)}",
            "materialize the asset `trained_model` again",
        )
    folder.mkdir(parents=True, exist_ok=True)
    progress(SHOPPERS)
    _export_shoppers(model, folder / SHOPPERS, _kept(graphs, "shoppers", model))
    progress(SHOPPERS_INT8)
    _quantize(folder / SHOPPERS, folder / SHOPPERS_INT8)
    if half:
        progress(SHOPPERS_FP16)
        _halve(folder / SHOPPERS, folder / SHOPPERS_FP16)
    if isinstance(model, Recommender):
        progress(ITEMS)
        _export_items(model, folder / ITEMS, _kept(graphs, "items", model))
    progress(ITEM_VECTORS)
    np.save(folder / ITEM_VECTORS, reference_item_vectors(model, vocabulary))
    paths = (folder / name for name in (SHOPPERS, SHOPPERS_INT8, SHOPPERS_FP16, ITEMS, ITEM_VECTORS))
    return tuple(path for path in paths if path.exists())


@torch.inference_mode()
def reference_answer(model: Model, items: Ints, types: Ints, gaps: Ints) -> tuple[Floats, Floats]:
    """What torch answers to right-padded histories (B, T): float32 (B, E) vectors and (B, T) repeats.

    The first rung of the parity ladder.
    """
    encoder = encoder_of(model).cpu().eval()
    vectors, repeats = encoder(*(torch.from_numpy(x) for x in (items, types, gaps)))
    return vectors.numpy(), repeats.numpy()


@torch.inference_mode()
def reference_item_vectors(model: Model, vocabulary: Vocabulary) -> Floats:
    """float32 (V + 1, E) of the vocabulary's items, row 0 zeros. Score = shopper vectors @ item vectors.T."""
    if isinstance(model, Own):
        vectors: Floats = model.item_vectors().numpy()
        return vectors
    return item_vectors_of(model, model.numbers().numpy(), encode(model.config.inputs, vocabulary.columns))


@torch.inference_mode()
def item_vectors_of(model: Recommender, items: Ints, known: ItemContent) -> Floats:
    """float32 (n, E) of n items; items (n,) = 0 for those known by their content only."""
    contents = (torch.from_numpy(known.fields[field.name]) for field in model.config.inputs)
    vectors: Floats = model.items(torch.from_numpy(items), *contents).numpy()
    return vectors


def _kept(graphs: Path | None, name: str, model: Model) -> Path | None:
    """Where the graph is kept; nowhere for a model of a team's own, whose code lies elsewhere."""
    return graphs / key_of(name, model.config) if graphs is not None and type(model) is Recommender else None


def _export_shoppers(model: Model, path: Path, kept: Path | None) -> None:
    if isinstance(model, Own) and isinstance(model.net, Brought):
        path.write_bytes(model.net.content())
        return
    length = min(3, model.config.length)
    examples = tuple(torch.ones((2, length), dtype=torch.int64) for _ in range(3))  # one tensor thrice is one input
    batch, events = Dim("batch", min=1), Dim("events", min=1, max=model.config.length)
    shape = {0: batch, 1: events}
    _export(encoder_of(model), examples, ["items", "types", "gaps"], ["vectors", "repeats"], (shape,) * 3, path, kept)


def _export_items(model: Recommender, path: Path, kept: Path | None) -> None:
    fields = model.config.inputs
    arguments = (torch.ones(2, dtype=torch.int64), *(unknown(field, 2) + 1 for field in fields))
    names = [RESERVED, *(field.name for field in fields)]
    shape = {0: Dim("items", min=1)}
    _export(
        model.items, arguments, names, ["vectors"], (shape, *([(shape,) * len(fields)] if fields else [])), path, kept
    )


def _export(
    module: nn.Module,
    arguments: tuple[Tensor, ...],
    names: list[str],
    outputs: list[str],
    shapes: tuple[Any, ...],  # the dimensions that vary, per input; nested where the module takes *inputs
    path: Path,
    kept: Path | None,
) -> None:
    def trace(into: Path, *, optimize: bool = False) -> None:
        torch.onnx.export(
            module.eval(),
            arguments,
            into,
            input_names=names,
            output_names=outputs,
            dynamic_shapes=shapes,
            dynamo=True,
            external_data=False,
            verbose=False,
            optimize=optimize,
        )

    import onnx

    with _quiet():
        if kept is None:
            trace(path, optimize=True)
        else:
            onnx.save(from_graph(module.eval(), kept, trace), path)


def _quantize(source: Path, target: Path) -> None:
    """Matrix products in int8, activations quantised as they come. Tables stay float: they are only looked up.

    The activations' scale is that of everything in a run: the ranker asks one history a run (freshet/live/runs.py).
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    model = onnx.load(source)
    # The quantizer turns weights round in place and then trips over the shapes noted for them: it infers them anew.
    del model.graph.value_info[:]
    with _quiet():
        quantize_dynamic(model, target, op_types_to_quantize=["MatMul"], per_channel=True, weight_type=QuantType.QInt8)


def _halve(source: Path, target: Path) -> None:
    """Weights and activations in 16 bits; what goes in and comes out keeps its type, so nobody else need know."""
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    with _quiet():
        onnx.save(convert_float_to_float16(onnx.load(source), keep_io_types=True), target)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter talks on every channel there is; its errors are exceptions, which come through."""
    levels = {name: logging.getLogger(name).level for name in CHATTER}
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        for name in CHATTER:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
