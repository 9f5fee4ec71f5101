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

from freshet.data.history import Ints
from freshet.data.item_encoding import EncodedItems, encode_attributes
from freshet.data.vocabulary import Vocabulary
from freshet.errors import BundleError
from freshet.item_schema import INDEX_INPUT
from freshet.model.custom import CustomModelAdapter, Model, serving_encoder
from freshet.model.graph_cache import export_with_cache, graph_key
from freshet.model.item_encoder import empty_content
from freshet.model.onnx_encoder import OnnxShopperEncoder
from freshet.model.transformer import Recommender

SHOPPER_ENCODER_FILE = "shopper_encoder.fp32.onnx"
SHOPPER_ENCODER_INT8_FILE = "shopper_encoder.int8.onnx"
SHOPPER_ENCODER_FP16_FILE = "shopper_encoder.fp16.onnx"
ITEM_ENCODER_FILE = "item_encoder.onnx"
ITEM_EMBEDDINGS_FILE = "item_embeddings.npy"
NOISY_LOGGERS = ("torch.onnx", "onnxscript", "onnx_ir", "onnxruntime", "onnxruntime.quantization", "root")

Floats = NDArray[np.float32]


def export(
    model: Model,
    vocabulary: Vocabulary,
    folder: Path,
    progress: Callable[[str], None] = lambda _: None,
    graph_cache: Path | None = None,
    fp16: bool = False,
) -> tuple[Path, ...]:
    """Writes the files into `folder` and returns their paths; a model of your own has no item encoder.

    progress: called with each file's name before it is made. graphs: where traced graphs are kept, for the next model
    of the same shape (freshet.model.graph_cache); unset: every model is traced anew, which takes seconds.
    half: the shopper encoder in fp16 as well, for a GPU.
    Raises BundleError if the model was trained on another vocabulary.
    """
    if len(vocabulary) != model.config.n_items:
        raise BundleError(
            "bundle",
            f"the model knows {model.config.n_items} items, the vocabulary {len(vocabulary)}",
            "materialize the asset `trained_model` again",
        )
    folder.mkdir(parents=True, exist_ok=True)
    progress(SHOPPER_ENCODER_FILE)
    _export_shopper_encoder(model, folder / SHOPPER_ENCODER_FILE, _cached_graph_path(graph_cache, "shoppers", model))
    progress(SHOPPER_ENCODER_INT8_FILE)
    _quantize(folder / SHOPPER_ENCODER_FILE, folder / SHOPPER_ENCODER_INT8_FILE)
    if fp16:
        progress(SHOPPER_ENCODER_FP16_FILE)
        _convert_to_fp16(folder / SHOPPER_ENCODER_FILE, folder / SHOPPER_ENCODER_FP16_FILE)
    if isinstance(model, Recommender):
        progress(ITEM_ENCODER_FILE)
        _export_item_encoder(model, folder / ITEM_ENCODER_FILE, _cached_graph_path(graph_cache, "items", model))
    progress(ITEM_EMBEDDINGS_FILE)
    np.save(folder / ITEM_EMBEDDINGS_FILE, reference_item_embeddings(model, vocabulary))
    paths = (
        folder / name
        for name in (
            SHOPPER_ENCODER_FILE,
            SHOPPER_ENCODER_INT8_FILE,
            SHOPPER_ENCODER_FP16_FILE,
            ITEM_ENCODER_FILE,
            ITEM_EMBEDDINGS_FILE,
        )
    )
    return tuple(path for path in paths if path.exists())


@torch.inference_mode()
def reference_outputs(model: Model, items: Ints, types: Ints, gaps: Ints) -> tuple[Floats, Floats]:
    """What torch answers to right-padded histories (B, T): float32 (B, E) vectors and (B, T) repeats.

    The first rung of the parity ladder.
    """
    encoder = serving_encoder(model).cpu().eval()
    vectors, repeats = encoder(*(torch.from_numpy(x) for x in (items, types, gaps)))
    return vectors.numpy(), repeats.numpy()


@torch.inference_mode()
def reference_item_embeddings(model: Model, vocabulary: Vocabulary) -> Floats:
    """float32 (V + 1, E) of the vocabulary's items, row 0 zeros. Score = shopper vectors @ item vectors.T."""
    if isinstance(model, CustomModelAdapter):
        embeddings: Floats = model.item_embeddings().numpy()
        return embeddings
    return embed_items(
        model, model.item_indices().numpy(), encode_attributes(model.config.item_schema, vocabulary.item_attributes)
    )


@torch.inference_mode()
def embed_items(model: Recommender, items: Ints, content: EncodedItems) -> Floats:
    """float32 (n, E) of n items; items (n,) = 0 for those known by their content only."""
    contents = (torch.from_numpy(content.features[field.name]) for field in model.config.item_schema)
    embeddings: Floats = model.item_encoder(torch.from_numpy(items), *contents).numpy()
    return embeddings


def _cached_graph_path(graph_cache: Path | None, name: str, model: Model) -> Path | None:
    """Where the graph is kept; nowhere for a model of a team's own, whose code lies elsewhere."""
    return (
        graph_cache / graph_key(name, model.config) if graph_cache is not None and type(model) is Recommender else None
    )


def _export_shopper_encoder(model: Model, path: Path, cached_graph: Path | None) -> None:
    if isinstance(model, CustomModelAdapter) and isinstance(model.net, OnnxShopperEncoder):
        path.write_bytes(model.net.onnx_bytes())
        return
    length = min(3, model.config.max_history)
    examples = tuple(torch.ones((2, length), dtype=torch.int64) for _ in range(3))  # one tensor thrice is one input
    batch, events = Dim("batch", min=1), Dim("events", min=1, max=model.config.max_history)
    dynamic_axes = {0: batch, 1: events}
    _export(
        serving_encoder(model),
        examples,
        ["items", "types", "gaps"],
        ["vectors", "repeats"],
        (dynamic_axes,) * 3,
        path,
        cached_graph,
    )


def _export_item_encoder(model: Recommender, path: Path, cached_graph: Path | None) -> None:
    fields = model.config.item_schema
    examples = (torch.ones(2, dtype=torch.int64), *(empty_content(field, 2) + 1 for field in fields))
    input_names = [INDEX_INPUT, *(field.name for field in fields)]
    dynamic_axes = {0: Dim("items", min=1)}
    _export(
        model.item_encoder,
        examples,
        input_names,
        ["vectors"],
        (dynamic_axes, *([(dynamic_axes,) * len(fields)] if fields else [])),
        path,
        cached_graph,
    )


def _export(
    module: nn.Module,
    examples: tuple[Tensor, ...],
    input_names: list[str],
    output_names: list[str],
    dynamic_shapes: tuple[Any, ...],  # the dimensions that vary, per input; nested where the module takes *inputs
    path: Path,
    cached_graph: Path | None,
) -> None:
    def trace(target: Path, *, optimize: bool = False) -> None:
        torch.onnx.export(
            module.eval(),
            examples,
            target,
            input_names=input_names,
            output_names=output_names,
            dynamic_shapes=dynamic_shapes,
            dynamo=True,
            external_data=False,
            verbose=False,
            optimize=optimize,
        )

    import onnx

    with _silence_exporter():
        if cached_graph is None:
            trace(path, optimize=True)
        else:
            onnx.save(export_with_cache(module.eval(), cached_graph, trace), path)


def _quantize(source: Path, target: Path) -> None:
    """Matrix products in int8, activations quantised as they come. Tables stay float: they are only looked up.

    The activations' scale is that of everything in a run: the ranker asks one history a run (freshet/inference/encoder_batches.py).
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    model = onnx.load(source)
    # The quantizer turns weights round in place and then trips over the shapes noted for them: it infers them anew.
    del model.graph.value_info[:]
    with _silence_exporter():
        quantize_dynamic(model, target, op_types_to_quantize=["MatMul"], per_channel=True, weight_type=QuantType.QInt8)


def _convert_to_fp16(source: Path, target: Path) -> None:
    """Weights and activations in 16 bits; what goes in and comes out keeps its type, so nobody else need know."""
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    with _silence_exporter():
        onnx.save(convert_float_to_float16(onnx.load(source), keep_io_types=True), target)


@contextlib.contextmanager
def _silence_exporter() -> Iterator[None]:
    """The exporter talks on every channel there is; its errors are exceptions, which come through."""
    levels = {name: logging.getLogger(name).level for name in NOISY_LOGGERS}
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        for name in NOISY_LOGGERS:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
