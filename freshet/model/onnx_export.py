"""ONNX export: shopper encoder (fp32, int8, fp16), item encoder, and the item embeddings."""

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
EXPORTED_FILES = (
    SHOPPER_ENCODER_FILE,
    SHOPPER_ENCODER_INT8_FILE,
    SHOPPER_ENCODER_FP16_FILE,
    ITEM_ENCODER_FILE,
    ITEM_EMBEDDINGS_FILE,
)
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
    """Write the files into `folder` and return their paths; a custom model has no item encoder.

    progress: called with the name of each file before it is written. graph_cache: folder of traced graphs (see
    freshet.model.graph_cache); None: the model is traced, which takes seconds. fp16: also export the shopper encoder in
    fp16, for a GPU.
    Raises BundleError if the model was trained on another vocabulary.
    """
    if len(vocabulary) != model.config.n_items:
        what = f"the model has {model.config.n_items} items, the vocabulary {len(vocabulary)}"
        raise BundleError("bundle", what, "materialize the asset `trained_model` again")
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
    return tuple(folder / name for name in EXPORTED_FILES if (folder / name).exists())


@torch.inference_mode()
def reference_outputs(model: Model, items: Ints, types: Ints, gaps: Ints) -> tuple[Floats, Floats]:
    """Return torch's outputs for right-padded histories (B, T): float32 (B, E) vectors and (B, T) repeats.

    They are the reference of the parity checks.
    """
    encoder = serving_encoder(model).cpu().eval()
    vectors, repeats = encoder(*(torch.from_numpy(x) for x in (items, types, gaps)))
    return vectors.numpy(), repeats.numpy()


@torch.inference_mode()
def reference_item_embeddings(model: Model, vocabulary: Vocabulary) -> Floats:
    """Return the float32 (V + 1, E) item embeddings of the vocabulary, with zeros in row 0."""
    if isinstance(model, CustomModelAdapter):
        embeddings: Floats = model.item_embeddings().numpy()
        return embeddings
    return embed_items(
        model, model.item_indices().numpy(), encode_attributes(model.config.item_schema, vocabulary.item_attributes)
    )


@torch.inference_mode()
def embed_items(model: Recommender, items: Ints, content: EncodedItems) -> Floats:
    """Return the float32 (n, E) embeddings of n items; items (n,) = 0: from content only."""
    contents = (torch.from_numpy(content.features[field.name]) for field in model.config.item_schema)
    embeddings: Floats = model.item_encoder(torch.from_numpy(items), *contents).numpy()
    return embeddings


def _cached_graph_path(graph_cache: Path | None, name: str, model: Model) -> Path | None:
    """Return the path of the cached graph; None for a custom model, whose code the cache key does not cover."""
    if graph_cache is None or not isinstance(model, Recommender):
        return None
    return graph_cache / graph_key(name, model.config)


def _export_shopper_encoder(model: Model, path: Path, cached_graph: Path | None) -> None:
    if isinstance(model, CustomModelAdapter) and isinstance(model.net, OnnxShopperEncoder):
        path.write_bytes(model.net.onnx_bytes())
        return
    length = min(3, model.config.max_history)
    examples = tuple(
        torch.ones((2, length), dtype=torch.int64) for _ in range(3)
    )  # three tensors: one tensor used three times would be one input
    batch, events = Dim("batch", min=1), Dim("events", min=1, max=model.config.max_history)
    dynamic_axes = {0: batch, 1: events}
    _export(
        _ExportSpec(
            module=serving_encoder(model),
            examples=examples,
            input_names=["items", "types", "gaps"],
            output_names=["vectors", "repeats"],
            dynamic_shapes=(dynamic_axes,) * 3,
        ),
        path,
        cached_graph,
    )


def _export_item_encoder(model: Recommender, path: Path, cached_graph: Path | None) -> None:
    fields = model.config.item_schema
    examples = (torch.ones(2, dtype=torch.int64), *(empty_content(field, 2) + 1 for field in fields))
    input_names = [INDEX_INPUT, *(field.name for field in fields)]
    dynamic_axes = {0: Dim("items", min=1)}
    content_axes = [(dynamic_axes,) * len(fields)] if fields else []  # forward takes *content: one nested tuple
    _export(
        _ExportSpec(
            module=model.item_encoder,
            examples=examples,
            input_names=input_names,
            output_names=["vectors"],
            dynamic_shapes=(dynamic_axes, *content_axes),
        ),
        path,
        cached_graph,
    )


@dataclass(frozen=True)
class _ExportSpec:
    """A module with its example inputs, the names of inputs and outputs, and the dynamic axes of each input."""

    module: nn.Module
    examples: tuple[Tensor, ...]
    input_names: list[str]
    output_names: list[str]
    dynamic_shapes: tuple[Any, ...]

    def trace(self, path: Path, *, optimize: bool = False) -> None:
        torch.onnx.export(
            self.module.eval(),
            self.examples,
            path,
            input_names=self.input_names,
            output_names=self.output_names,
            dynamic_shapes=self.dynamic_shapes,
            dynamo=True,
            external_data=False,
            verbose=False,
            optimize=optimize,
        )


def _export(spec: _ExportSpec, path: Path, cached_graph: Path | None) -> None:
    import onnx

    with _silence_exporter():
        if cached_graph is None:
            spec.trace(path, optimize=True)
        else:
            onnx.save(export_with_cache(spec.module.eval(), cached_graph, spec.trace), path)


def _quantize(source: Path, target: Path) -> None:
    """Quantise matrix products to int8, activations dynamically. Embedding tables are only looked up and stay float.

    The scale of the activations is that of a run, so the ranker encodes one history per run
    (freshet.inference.encoder_batches).
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    model = onnx.load(source)
    # The quantizer transposes weights in place and then fails on their recorded shapes: without them it infers them.
    del model.graph.value_info[:]
    with _silence_exporter():
        quantize_dynamic(model, target, op_types_to_quantize=["MatMul"], per_channel=True, weight_type=QuantType.QInt8)


def _convert_to_fp16(source: Path, target: Path) -> None:
    """Convert weights and activations to fp16; inputs and outputs keep their types."""
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    with _silence_exporter():
        onnx.save(convert_float_to_float16(onnx.load(source), keep_io_types=True), target)


@contextlib.contextmanager
def _silence_exporter() -> Iterator[None]:
    """Suppress the exporter's warnings, logs and prints; its errors are exceptions and are raised."""
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
