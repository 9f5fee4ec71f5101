"""Your own model: a torch module named by its class goes the same way as Freshet's, through every gate.

Shapes: B histories, T events in a padded history, E numbers in a vector, V items. PAD = 0.
"""

import importlib
from typing import Protocol

import torch
from torch import Tensor, nn

from freshet.data.item_encoding import EncodedItems
from freshet.errors import FreshetError
from freshet.model import onnx_encoder
from freshet.model.params import ModelConfig
from freshet.model.serving_encoder import PaddedShopperEncoder
from freshet.model.transformer import Recommender

MODEL_CLASS_FIX = "write model as package.module:Class, the class of a torch module that can be imported here"

FIX = "give it what docs/training.md asks for (Your own model)"


class CustomModel(Protocol):
    """What a class must give; it is called with the ModelConfig: `items` (V), `length` (longest T), `vector`, ….

    It may give more: `loss(batch: Batch) -> Tensor`, a loss of its own; `everywhere(items, types, gaps) -> (B, T, E)`,
    the vector after each event, so that training asks at every moment in one pass; `know(content: ItemContent)`, what
    the catalogue says; and `forward` may return a second tensor (B, T): what each event adds to its own item's score.
    """

    def forward(self, items: Tensor, types: Tensor, gaps: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """int64 (B, T) each, right-padded with 0 -> (B, E): the vector after the last event that is no padding."""

    def item_embeddings(self) -> Tensor:
        """(V + 1, E): a shopper's score of item i is the product of their vector with row i. Row 0 is not used."""


class CustomModelAdapter(nn.Module):
    """A team's module behind the same face as Freshet's model."""

    def __init__(self, model_class: str, config: ModelConfig, net: nn.Module | None = None) -> None:
        """net: what the name stands for, where it is at hand already."""
        super().__init__()
        self.model_class, self.config = model_class, config
        if net is None:
            net = (
                onnx_encoder.load_onnx_encoder(model_class, config.n_items)
                if onnx_encoder.is_onnx_model(model_class)
                else _import_class(model_class)(config)
            )
        self.net: nn.Module = net

    def forward(self, items: Tensor, types: Tensor, gaps: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T) each -> (B, E) vectors and (B, T) repeats, zeros where the module gives none."""
        output = self.net(items, types, gaps)
        if isinstance(output, tuple):
            return output
        return output, torch.zeros_like(items, dtype=output.dtype)

    def item_embeddings(self) -> Tensor:
        """(V + 1, E) with zeros in row 0."""
        embeddings: Tensor = self.net.item_vectors()  # type: ignore[operator]
        return torch.cat([torch.zeros_like(embeddings[:1]), embeddings[1:]])

    def load_content(self, content: EncodedItems) -> "CustomModelAdapter":
        """The same model, told what the catalogue says, if it asks for that."""
        if hasattr(self.net, "know"):
            self.net.know(content)  # type: ignore[operator]
        return self


Model = Recommender | CustomModelAdapter


def build_custom_model(model_class: str, config: ModelConfig) -> CustomModelAdapter:
    """The model of that name, tried once. Raises FreshetError naming what it lacks or gives in a wrong shape."""
    model = CustomModelAdapter(model_class, config)
    n_events = min(3, config.max_history)
    events = torch.ones((2, n_events), dtype=torch.int64)
    with torch.no_grad():
        vectors, repeats = model.eval()(events, events, events)
        item_embeddings = model.item_embeddings()
    if item_embeddings.ndim != 2 or len(item_embeddings) != config.n_items + 1:
        _raise_wrong_shape(
            model_class, "item_vectors()", item_embeddings, f"({config.n_items + 1}, E), one row per item and row 0"
        )
    if vectors.shape != (2, item_embeddings.shape[1]):
        _raise_wrong_shape(
            model_class,
            f"forward of (2, {n_events})",
            vectors,
            f"(2, {item_embeddings.shape[1]}), as item_vectors() has it",
        )
    if repeats.shape != (2, n_events):
        _raise_wrong_shape(model_class, f"the second tensor of forward of (2, {n_events})", repeats, f"(2, {n_events})")
    model.train()
    return model


def serving_encoder(model: Model) -> nn.Module:
    """What serves: right-padded (B, T) items, types and gaps -> (B, E) vectors and (B, T) repeats."""
    return model if isinstance(model, CustomModelAdapter) else PaddedShopperEncoder(model)


def _import_class(name: str) -> type[nn.Module]:
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise FreshetError(f"model={name}", "that is not package.module:Class", MODEL_CLASS_FIX)
    try:
        model_class = getattr(importlib.import_module(module), attribute, None)
    except ImportError as error:
        raise FreshetError(f"model={name}", f"{module} cannot be imported ({error})", MODEL_CLASS_FIX) from error
    if not (isinstance(model_class, type) and issubclass(model_class, nn.Module)):
        raise FreshetError(f"model={name}", f"{module} has no torch module of the name {attribute}", MODEL_CLASS_FIX)
    missing = [method for method in ("forward", "item_vectors") if not callable(getattr(model_class, method, None))]
    if missing:
        raise FreshetError(f"model={name}", f"it has no {' and no '.join(missing)}", FIX)
    return model_class


def _raise_wrong_shape(name: str, output: str, tensor: Tensor, expected: str) -> None:
    what = f"{output} has the shape {tuple(tensor.shape)}, needed is {expected}"
    raise FreshetError(f"model={name}", what, FIX)
