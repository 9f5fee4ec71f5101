"""Custom models: a torch module of your own, named by its class, behind the same interface as the built-in model.

Shapes: B histories, T events in a padded history, E embedding length, V items. PAD = 0.
"""

import importlib
from typing import Final, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from freshet.data.item_encoding import EncodedItems
from freshet.errors import FreshetError
from freshet.model import onnx_encoder
from freshet.model.params import ModelConfig
from freshet.model.serving_encoder import PaddedShopperEncoder
from freshet.model.transformer import Recommender

MODEL_CLASS_FIX: Final = "write model_class as package.module:Class, a torch module that can be imported here"
METHODS_FIX: Final = "see docs/training.md (Your own model) for the methods and their shapes"
REQUIRED_METHODS: Final = ("forward", "item_embeddings")
FORMER_METHODS: Final = {"item_vectors": "item_embeddings", "everywhere": "encode_all_events", "know": "load_content"}


@runtime_checkable
class CustomModel(Protocol):
    """The methods that a custom model must have; its class is called with a ModelConfig.

    Its optional methods are LoadsContent and, in freshet.training.objective, EncodesAllEvents and HasLoss.
    """

    def forward(self, items: Tensor, types: Tensor, gaps: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """int64 (B, T) each, right-padded with 0 -> (B, E): the shopper embedding after the last event.

        It may return a second tensor (B, T): what each event adds to the score of its own item.
        """

    def item_embeddings(self) -> Tensor:
        """(V + 1, E): an item's score is the product of the shopper embedding and its row. Row 0 is not used."""


@runtime_checkable
class LoadsContent(Protocol):
    """Optional method of a custom model: it reads the item attributes of the catalogue."""

    def load_content(self, content: EncodedItems) -> object:
        """Store the encoded attributes, row 0 = PAD. The result is not used."""


class CustomModelAdapter(nn.Module):
    """A custom model behind the interface of the built-in one."""

    def __init__(self, model_class: str, config: ModelConfig, net: nn.Module | None = None) -> None:
        """net: the module, if it exists already; otherwise `model_class` is imported and called with `config`."""
        super().__init__()
        self.model_class, self.config = model_class, config
        self.net = net if net is not None else _build_net(model_class, config)

    def forward(self, items: Tensor, types: Tensor, gaps: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T) each -> (B, E) shopper embeddings and (B, T) repeats, zeros if the module returns none."""
        output = self.net(items, types, gaps)
        if isinstance(output, tuple):
            return output
        return output, torch.zeros_like(items, dtype=output.dtype)

    def item_embeddings(self) -> Tensor:
        """(V + 1, E) with zeros in row 0."""
        assert isinstance(self.net, CustomModel)
        embeddings = self.net.item_embeddings()
        return torch.cat([torch.zeros_like(embeddings[:1]), embeddings[1:]])

    def load_content(self, content: EncodedItems) -> "CustomModelAdapter":
        """Return this model after it read the item attributes, if it has a method for that."""
        if isinstance(self.net, LoadsContent):
            self.net.load_content(content)
        return self


Model = Recommender | CustomModelAdapter


def build_custom_model(model_class: str, config: ModelConfig) -> CustomModelAdapter:
    """Return an untrained model of that class, after one forward pass to check its shapes.

    Raises FreshetError naming the missing method or the wrong shape.
    """
    model = CustomModelAdapter(model_class, config)
    n_events = min(3, config.max_history)
    events = torch.ones((2, n_events), dtype=torch.int64)
    with torch.no_grad():
        vectors, repeats = model.eval()(events, events, events)
        item_embeddings = model.item_embeddings()
    if item_embeddings.ndim != 2 or len(item_embeddings) != config.n_items + 1:
        expected = f"({config.n_items + 1}, E), one row per item and row 0"
        _raise_wrong_shape(model_class, "item_embeddings()", item_embeddings, expected)
    if vectors.shape != (2, item_embeddings.shape[1]):
        expected = f"(2, {item_embeddings.shape[1]}) to match item_embeddings()"
        _raise_wrong_shape(model_class, f"forward of (2, {n_events})", vectors, expected)
    if repeats.shape != (2, n_events):
        _raise_wrong_shape(model_class, f"the second tensor of forward of (2, {n_events})", repeats, f"(2, {n_events})")
    model.train()
    return model


def serving_encoder(model: Model) -> nn.Module:
    """Return the module to export: right-padded (B, T) items, types and gaps -> (B, E) embeddings, (B, T) repeats."""
    return model if isinstance(model, CustomModelAdapter) else PaddedShopperEncoder(model)


def _build_net(model_class: str, config: ModelConfig) -> nn.Module:
    if onnx_encoder.is_onnx_model(model_class):
        return onnx_encoder.load_onnx_encoder(model_class, config.n_items)
    return _import_class(model_class)(config)


def _import_class(name: str) -> type[nn.Module]:
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise FreshetError(f"model_class={name}", "it is not package.module:Class", MODEL_CLASS_FIX)
    try:
        model_class = getattr(importlib.import_module(module), attribute, None)
    except ImportError as error:
        raise FreshetError(f"model_class={name}", f"{module} cannot be imported ({error})", MODEL_CLASS_FIX) from error
    if not (isinstance(model_class, type) and issubclass(model_class, nn.Module)):
        raise FreshetError(f"model_class={name}", f"{module} has no torch module named {attribute}", MODEL_CLASS_FIX)
    _check_methods(name, model_class)
    return model_class


def _check_methods(name: str, model_class: type[nn.Module]) -> None:
    def has(method: str) -> bool:
        return callable(getattr(model_class, method, None))

    renamed = {former: current for former, current in FORMER_METHODS.items() if has(former) and not has(current)}
    if renamed:
        what = ", ".join(f"its method {former} is named {current} now" for former, current in renamed.items())
        raise FreshetError(f"model_class={name}", what, "rename it in the class")
    missing = [method for method in REQUIRED_METHODS if not has(method)]
    if missing:
        raise FreshetError(f"model_class={name}", f"it has no method {', '.join(missing)}", METHODS_FIX)


def _raise_wrong_shape(name: str, output: str, tensor: Tensor, expected: str) -> None:
    what = f"{output} has the shape {tuple(tensor.shape)} instead of {expected}"
    raise FreshetError(f"model_class={name}", what, METHODS_FIX)
