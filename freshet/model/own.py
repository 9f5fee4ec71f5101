"""Your own model: a torch module named by its class goes the same way as Freshet's, through every gate.

Shapes: B histories, T events in a padded history, E numbers in a vector, V items. PAD = 0.
"""

import importlib
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from freshet.columns import PAD
from freshet.content import ItemContent
from freshet.errors import FreshetError
from freshet.model import brought
from freshet.model.batches import Asked, Batch
from freshet.model.drawing import Drawing
from freshet.model.losses import Wanted, basket_cross_entropy
from freshet.model.padded import PaddedShopperEncoder, scores_of
from freshet.model.params import ModelConfig
from freshet.model.question import batch_loss
from freshet.model.ranks import ALONE, Ranks, dealt, questions_of
from freshet.model.transformer import Recommender

QUESTIONS = 512  # moments of a batch at which a module without `everywhere` is asked: each of them is a history
EXAMPLE = "write model as package.module:Class, the class of a torch module that can be imported here"

GUIDE = "give it what docs/training.md asks for (Your own model)"


class OwnModel(Protocol):
    """What a class must give; it is called with the ModelConfig: `items` (V), `length` (longest T), `vector`, ….

    It may give more: `loss(batch: Batch) -> Tensor`, a loss of its own; `everywhere(items, types, gaps) -> (B, T, E)`,
    the vector after each event, so that training asks at every moment in one pass; `know(content: ItemContent)`, what
    the catalogue says; and `forward` may return a second tensor (B, T): what each event adds to its own item's score.
    """

    def forward(self, items: Tensor, types: Tensor, gaps: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """int64 (B, T) each, right-padded with 0 -> (B, E): the vector after the last event that is no padding."""

    def item_vectors(self) -> Tensor:
        """(V + 1, E): a shopper's score of item i is the product of their vector with row i. Row 0 is not used."""


class Own(nn.Module):
    """A team's module behind the same face as Freshet's model."""

    def __init__(self, name: str, config: ModelConfig, net: nn.Module | None = None) -> None:
        """net: what the name stands for, where it is at hand already."""
        super().__init__()
        self.name, self.config = name, config
        if net is None:
            net = brought.read(name, config.items) if brought.is_brought(name) else _class(name)(config)
        self.net: nn.Module = net

    def forward(self, items: Tensor, types: Tensor, gaps: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T) each -> (B, E) vectors and (B, T) repeats, zeros where the module gives none."""
        given = self.net(items, types, gaps)
        if isinstance(given, tuple):
            return given
        return given, torch.zeros_like(items, dtype=given.dtype)

    def item_vectors(self) -> Tensor:
        """(V + 1, E) with zeros in row 0."""
        vectors: Tensor = self.net.item_vectors()  # type: ignore[operator]
        return torch.cat([torch.zeros_like(vectors[:1]), vectors[1:]])

    def know(self, content: ItemContent) -> "Own":
        """The same model, told what the catalogue says, if it asks for that."""
        if hasattr(self.net, "know"):
            self.net.know(content)  # type: ignore[operator]
        return self


Model = Recommender | Own


def own(name: str, config: ModelConfig) -> Own:
    """The model of that name, tried once. Raises FreshetError naming what it lacks or gives in a wrong shape."""
    model = Own(name, config)
    size = min(3, config.length)
    events = torch.ones((2, size), dtype=torch.int64)
    with torch.no_grad():
        vectors, repeats = model.eval()(events, events, events)
        items = model.item_vectors()
    if items.ndim != 2 or len(items) != config.items + 1:
        _refuse(name, "item_vectors()", items, f"({config.items + 1}, E), one row per item and row 0")
    if vectors.shape != (2, items.shape[1]):
        _refuse(name, f"forward of (2, {size})", vectors, f"(2, {items.shape[1]}), as item_vectors() has it")
    if repeats.shape != (2, size):
        _refuse(name, f"the second tensor of forward of (2, {size})", repeats, f"(2, {size})")
    model.train()
    return model


def encoder_of(model: Model) -> nn.Module:
    """What serves: right-padded (B, T) items, types and gaps -> (B, E) vectors and (B, T) repeats."""
    return model if isinstance(model, Own) else PaddedShopperEncoder(model)


def parts_of(model: Model, batch: Batch, ranks: Ranks = ALONE, place: torch.device | None = None) -> list[Batch]:
    """This process's windows of a packed batch, dealt out between the members of the model.

    Every member learns from windows of its own, so that a step costs what it costs with one member, and they err
    differently. place: where the model is; the batch is on the CPU.
    """
    members = model.config.members if isinstance(model, Recommender) else 1
    parts = [ranks.share(dealt(batch, member, members)) for member in range(members)]
    return [part.to(place) for part in parts] if place is not None else parts


def step_loss(
    model: Model,
    batch: Batch,
    ranks: Ranks = ALONE,
    place: torch.device | None = None,
    drawing: Drawing | None = None,
) -> Tensor:
    """This process's part of the mean over all questions of a packed batch, in nats; a scalar.

    place: where the model is; the batch is on the CPU. drawing: of items for all.
    """
    parts = parts_of(model, batch, ranks, place)
    asked = sum(len(part.following.rows) for part in parts)
    if not asked:
        return torch.zeros((), device=place)
    loss = batch_loss(model, parts, drawing) if isinstance(model, Recommender) else _own_loss(model, parts[0])
    return loss * (asked / len(batch.following.rows))


def _own_loss(model: Own, batch: Batch) -> Tensor:
    """Mean over the questions: the module's own loss, else the cross-entropy."""
    if hasattr(model.net, "loss"):
        loss: Tensor = model.net.loss(batch)  # type: ignore[operator]
        return loss
    items = model.item_vectors()  # (V + 1, E)
    if hasattr(model.net, "everywhere"):
        asked = batch.following
        return _cross_entropy(F.embedding(asked.rows, _everywhere(model.net, batch)) @ items.T, asked)
    chosen = torch.randperm(len(batch.following.rows), device=items.device) < QUESTIONS
    asked = questions_of(batch.following, chosen)
    events = _prefixes(batch, asked.rows)
    vectors, repeats = model(*events)  # (Q, E), (Q, T)
    return _cross_entropy(scores_of(vectors, repeats, events[0], items), asked)


def _cross_entropy(scores: Tensor, asked: Asked) -> Tensor:
    return basket_cross_entropy(scores, Wanted(asked.items, asked.starts))


def _everywhere(net: nn.Module, batch: Batch) -> Tensor:
    """(N, E) after every event of the batch; windows of one length are a rectangle without padding."""
    sizes = [count * length for count, length in batch.groups]
    found, columns = (
        [],
        (torch.split(batch.items, sizes), torch.split(batch.types, sizes), torch.split(batch.gaps, sizes)),
    )
    for group, *events in zip(batch.groups, *columns, strict=True):
        vectors: Tensor = net.everywhere(*(x.view(group) for x in events))  # type: ignore[operator]
        found.append(vectors.flatten(0, 1))  # (W, T, E) -> (W T, E)
    return torch.cat(found)


def _prefixes(batch: Batch, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(Q, T) each: the window of every asked row up to that row, right-padded."""
    steps = torch.arange(max(length for _, length in batch.groups), device=rows.device)  # (T,)
    ends = F.embedding(rows, batch.positions.unsqueeze(1))  # (Q, 1) place of the row in its window
    there = steps <= ends  # (Q, T)
    at = torch.where(there, rows.unsqueeze(1) - ends + steps, 0)  # (Q, T)
    items, types, gaps = (torch.where(there, x[at], PAD) for x in (batch.items, batch.types, batch.gaps))
    return items, types, gaps


def _class(name: str) -> type[nn.Module]:
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise FreshetError(f"model={name}", "that is not package.module:Class", EXAMPLE)
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except ImportError as error:
        raise FreshetError(f"model={name}", f"{module} cannot be imported ({error})", EXAMPLE) from error
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise FreshetError(f"model={name}", f"{module} has no torch module of the name {attribute}", EXAMPLE)
    lacking = [method for method in ("forward", "item_vectors") if not callable(getattr(found, method, None))]
    if lacking:
        raise FreshetError(f"model={name}", f"it has no {' and no '.join(lacking)}", GUIDE)
    return found


def _refuse(name: str, part: str, found: Tensor, wanted: str) -> None:
    what = f"{part} has the shape {tuple(found.shape)}, needed is {wanted}"
    raise FreshetError(f"model={name}", what, GUIDE)
