"""Your own model: a torch module named by its class goes the same way as Freshet's, through every gate.

Shapes: B histories, T events in a padded history, E numbers in a vector, V items. PAD = 0.
"""

import importlib
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from freshet.data.columns import PAD
from freshet.data.item_encoding import EncodedItems
from freshet.errors import FreshetError
from freshet.model import onnx_encoder
from freshet.model.params import ModelConfig
from freshet.model.serving_encoder import PaddedShopperEncoder, score_items
from freshet.model.transformer import Recommender
from freshet.training.batching import Batch, BatchTargets
from freshet.training.distributed import SINGLE_PROCESS, ProcessGroup, select_targets, shard_batch
from freshet.training.losses import SoftTargets, basket_cross_entropy
from freshet.training.negative_sampling import NegativeSampler
from freshet.training.objective import batch_loss

MAX_PREFIX_QUERIES = (
    512  # moments of a batch at which a module without `everywhere` is asked: each of them is a history
)
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


def split_by_member(
    model: Model, batch: Batch, process_group: ProcessGroup = SINGLE_PROCESS, device: torch.device | None = None
) -> list[Batch]:
    """This process's windows of a packed batch, dealt out between the members of the model.

    Every member learns from windows of its own, so that a step costs what it costs with one member, and they err
    differently. place: where the model is; the batch is on the CPU.
    """
    n_members = model.config.ensemble_size if isinstance(model, Recommender) else 1
    member_batches = [process_group.local_shard(shard_batch(batch, member, n_members)) for member in range(n_members)]
    return [part.to(device) for part in member_batches] if device is not None else member_batches


def step_loss(
    model: Model,
    batch: Batch,
    process_group: ProcessGroup = SINGLE_PROCESS,
    device: torch.device | None = None,
    sampler: NegativeSampler | None = None,
) -> Tensor:
    """This process's part of the mean over all questions of a packed batch, in nats; a scalar.

    place: where the model is; the batch is on the CPU. drawing: of items for all.
    """
    member_batches = split_by_member(model, batch, process_group, device)
    n_queries = sum(len(part.targets.rows) for part in member_batches)
    if not n_queries:
        return torch.zeros((), device=device)
    loss = (
        batch_loss(model, member_batches, sampler)
        if isinstance(model, Recommender)
        else _custom_loss(model, member_batches[0])
    )
    return loss * (n_queries / len(batch.targets.rows))


def _custom_loss(model: CustomModelAdapter, batch: Batch) -> Tensor:
    """Mean over the questions: the module's own loss, else the cross-entropy."""
    if hasattr(model.net, "loss"):
        loss: Tensor = model.net.loss(batch)  # type: ignore[operator]
        return loss
    item_embeddings = model.item_embeddings()  # (V + 1, E)
    if hasattr(model.net, "everywhere"):
        targets = batch.targets
        return _cross_entropy(
            F.embedding(targets.rows, _encode_all_events(model.net, batch)) @ item_embeddings.T, targets
        )
    mask = torch.randperm(len(batch.targets.rows), device=item_embeddings.device) < MAX_PREFIX_QUERIES
    targets = select_targets(batch.targets, mask)
    events = _prefixes(batch, targets.rows)
    vectors, repeats = model(*events)  # (Q, E), (Q, T)
    return _cross_entropy(score_items(vectors, repeats, events[0], item_embeddings), targets)


def _cross_entropy(scores: Tensor, targets: BatchTargets) -> Tensor:
    return basket_cross_entropy(scores, SoftTargets(targets.items, targets.starts))


def _encode_all_events(net: nn.Module, batch: Batch) -> Tensor:
    """(N, E) after every event of the batch; windows of one length are a rectangle without padding."""
    sizes = [count * length for count, length in batch.groups]
    outputs, columns = (
        [],
        (torch.split(batch.items, sizes), torch.split(batch.types, sizes), torch.split(batch.gaps, sizes)),
    )
    for group, *events in zip(batch.groups, *columns, strict=True):
        vectors: Tensor = net.everywhere(*(x.view(group) for x in events))  # type: ignore[operator]
        outputs.append(vectors.flatten(0, 1))  # (W, T, E) -> (W T, E)
    return torch.cat(outputs)


def _prefixes(batch: Batch, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(Q, T) each: the window of every asked row up to that row, right-padded."""
    offsets = torch.arange(max(length for _, length in batch.groups), device=rows.device)  # (T,)
    ends = F.embedding(rows, batch.positions.unsqueeze(1))  # (Q, 1) place of the row in its window
    mask = offsets <= ends  # (Q, T)
    event_index = torch.where(mask, rows.unsqueeze(1) - ends + offsets, 0)  # (Q, T)
    items, types, gaps = (torch.where(mask, x[event_index], PAD) for x in (batch.items, batch.types, batch.gaps))
    return items, types, gaps


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
