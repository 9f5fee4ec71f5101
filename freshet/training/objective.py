"""The training objective: cross-entropy of the next basket over a packed batch, for the built-in and custom models.

Shapes: N packed events, W windows of T events each, Q queries (training positions), D hidden_dim, P embedding_dim of an
ensemble member, E embedding length of a custom model, V items.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.nn import functional as F

from freshet.data.columns import PAD
from freshet.model import device as devices
from freshet.model.attention import packed_attention
from freshet.model.custom import CustomModelAdapter, Model
from freshet.model.repeat_attention import RepeatAttention
from freshet.model.serving_encoder import score_items
from freshet.model.transformer import EnsembleMember, Recommender
from freshet.training.batching import Batch, BatchTargets
from freshet.training.distributed import SINGLE_PROCESS, ProcessGroup, select_targets, shard_batch
from freshet.training.losses import SoftTargets, SparseScoreDelta, basket_cross_entropy, catalogue_cross_entropy
from freshet.training.negative_sampling import NegativeSampler, SampledItems, sample_batches

MAX_PREFIX_QUERIES = 512  # queries per batch for a custom model without encode_all_events: each is a history


@runtime_checkable
class EncodesAllEvents(Protocol):
    """Optional method of a custom model: it encodes all positions in one pass, so that each can be a query."""

    def encode_all_events(self, items: Tensor, types: Tensor, gaps: Tensor) -> Tensor:
        """int64 (B, T) each -> (B, T, E): the shopper embedding after each event."""


@runtime_checkable
class HasLoss(Protocol):
    """Optional method of a custom model: a loss of its own instead of the cross-entropy over all items."""

    def loss(self, batch: Batch) -> Tensor:
        """Return the mean loss over the queries of the batch, a scalar."""


def batch_loss(model: Recommender, member_batches: Sequence[Batch], sampler: NegativeSampler | None = None) -> Tensor:
    """Return the mean cross-entropy of the next baskets, in nats per query.

    member_batches: one for each ensemble member, which learns from its queries only. sampler: for negative sampling;
    None: all items are scored.
    """
    sampled_items, member_batches = sample_batches(sampler, member_batches)
    n_queries = max(1, sum(len(part.targets.starts) for part in member_batches))
    members = model.ensemble(sampled_items.items if sampled_items else None)
    losses = [
        member_loss(member, part, sampled_items) * (len(part.targets.starts) / n_queries)
        for member, part in zip(members, member_batches, strict=True)
    ]
    return torch.stack(losses).sum()


def member_loss(member: EnsembleMember, batch: Batch, sampled_items: SampledItems | None) -> Tensor:
    """Return the mean cross-entropy over the queries of a member's batch; 0 if there are none."""
    targets = SoftTargets(batch.targets.items, batch.targets.starts)
    if len(targets.starts) == 0:
        return member.item_embeddings.sum() * 0.0
    vectors, score_delta = _encode_queries(member, batch)
    biases = member.item_biases
    if sampled_items is not None:
        biases = biases + sampled_items.log_q_correction
        score_delta = sampled_items.cancel_target_correction(targets, score_delta)
    precision = devices.matrix_precision(biases.device, len(targets.starts) * len(biases))
    return catalogue_cross_entropy(vectors, member.item_embeddings, biases, targets, score_delta, precision)


def batch_scores(model: Recommender, batch: Batch) -> Tensor:
    """Return the (Q, V + 1) scores of all items for all queries, which `batch_loss` never holds at once."""
    scores = []
    for member in model.ensemble():
        vectors, score_delta = _encode_queries(member, batch)
        dense_scores = vectors @ member.item_embeddings.T + member.item_biases  # (Q, V + 1)
        cells = score_delta.queries, score_delta.items
        scores.append(dense_scores.index_put(cells, score_delta.values, accumulate=True))
    return torch.stack(scores).mean(dim=0)


def _encode_queries(member: EnsembleMember, batch: Batch) -> tuple[Tensor, SparseScoreDelta]:
    """Return the shopper embeddings (Q, P) of the queries, and the repeat scores to add to their item scores."""
    encoder = member.encoder
    inputs = F.embedding(batch.items, member.item_embeddings)  # (N, P)
    encoded = encoder(inputs, batch.types, batch.gaps, batch.positions, packed_attention(batch.groups))  # (N, D)
    vectors = encoder.project(F.embedding(batch.targets.rows, encoded))  # (Q, P)
    return vectors, repeat_scores(encoder.repeat_attention, encoded, batch)


def repeat_scores(repeat_attention: RepeatAttention, encoded: Tensor, batch: Batch) -> SparseScoreDelta:
    """Return what repeat attention adds to the scores of the items in a query's window.

    There is one value for each event of the window; events after the query add 0.
    """
    sizes = batch.group_sizes
    event_starts = [0, *accumulate(sizes)]
    query_starts = torch.searchsorted(batch.targets.rows, torch.tensor(event_starts, device=encoded.device)).tolist()
    parts = zip(
        batch.groups, event_starts[:-1], query_starts[:-1], query_starts[1:], torch.split(encoded, sizes), strict=True
    )
    queries, items, values = [], [], []
    for (count, length), event_start, query_start, query_end, x in parts:
        rows = batch.targets.rows[query_start:query_end] - event_start  # (q,) within the group
        window_items = batch.items[event_start : event_start + count * length].view(count, length)  # (W, T)
        window = x.view(count, length, -1)  # (W, T, D)
        visible = torch.ones((1, length, length), device=x.device, dtype=x.dtype).tril()  # (1, T, T)
        window_scores = repeat_attention(window, window, window_items, visible).flatten(0, 1)  # (W, T, T) -> (W T, T)
        queries.append(torch.arange(query_start, query_end, device=rows.device).repeat_interleave(length))  # (q T,)
        items.append(window_items[rows // length].flatten())  # (q T,)
        values.append(F.embedding(rows, window_scores).flatten())  # (q T,)
    return SparseScoreDelta(torch.cat(queries), torch.cat(items), torch.cat(values))


def split_by_member(
    model: Model, batch: Batch, process_group: ProcessGroup = SINGLE_PROCESS, device: torch.device | None = None
) -> list[Batch]:
    """Return this process's windows of a packed batch, split between the ensemble members.

    Each member learns from windows of its own: a step costs as much as with one member, and the members differ.
    device: of the model; the batch is on the CPU.
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
    """Return this process's share of the mean loss over all queries of a packed batch, in nats; a scalar.

    device: of the model; the batch is on the CPU. sampler: for negative sampling with the built-in model.
    """
    member_batches = split_by_member(model, batch, process_group, device)
    n_queries = sum(len(part.targets.rows) for part in member_batches)
    if not n_queries:
        return torch.zeros((), device=device)
    if isinstance(model, Recommender):
        loss = batch_loss(model, member_batches, sampler)
    else:
        loss = _custom_loss(model, member_batches[0])
    return loss * (n_queries / len(batch.targets.rows))


def _custom_loss(model: CustomModelAdapter, batch: Batch) -> Tensor:
    """Return the mean loss over the queries: the module's own loss if it has one, otherwise the cross-entropy."""
    if isinstance(model.net, HasLoss):
        return model.net.loss(batch)
    item_embeddings = model.item_embeddings()  # (V + 1, E)
    if isinstance(model.net, EncodesAllEvents):
        vectors = F.embedding(batch.targets.rows, _encode_all_events(model.net, batch))  # (Q, E)
        return _cross_entropy(vectors @ item_embeddings.T, batch.targets)
    mask = torch.randperm(len(batch.targets.rows), device=item_embeddings.device) < MAX_PREFIX_QUERIES
    targets = select_targets(batch.targets, mask)
    events = _prefixes(batch, targets.rows)
    vectors, repeats = model(*events)  # (Q, E), (Q, T)
    return _cross_entropy(score_items(vectors, repeats, events[0], item_embeddings), targets)


def _cross_entropy(scores: Tensor, targets: BatchTargets) -> Tensor:
    return basket_cross_entropy(scores, SoftTargets(targets.items, targets.starts))


def _encode_all_events(net: EncodesAllEvents, batch: Batch) -> Tensor:
    """(N, E) after every event of the batch; windows of one length form a rectangle without padding."""
    columns = (torch.split(x, batch.group_sizes) for x in (batch.items, batch.types, batch.gaps))
    outputs = []
    for group, *events in zip(batch.groups, *columns, strict=True):
        items, types, gaps = (x.view(group) for x in events)  # (W, T) each
        outputs.append(net.encode_all_events(items, types, gaps).flatten(0, 1))  # (W, T, E) -> (W T, E)
    return torch.cat(outputs)


def _prefixes(batch: Batch, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(Q, T) each: for every query the events of its window up to the query, right-padded."""
    offsets = torch.arange(max(length for _, length in batch.groups), device=rows.device)  # (T,)
    ends = F.embedding(rows, batch.positions.unsqueeze(1))  # (Q, 1) position of the query in its window
    mask = offsets <= ends  # (Q, T)
    event_index = torch.where(mask, rows.unsqueeze(1) - ends + offsets, 0)  # (Q, T)
    items, types, gaps = (torch.where(mask, x[event_index], PAD) for x in (batch.items, batch.types, batch.gaps))
    return items, types, gaps
