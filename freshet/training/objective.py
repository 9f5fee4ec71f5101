"""One training step's question: how badly are the next baskets of a packed batch guessed?

Shapes: N packed events, W windows of T events each, Q questions, D width, P numbers of a member's vector, V items.
"""

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor, nn
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
from freshet.training.negative_sampling import NegativeSampler, SampledItems

MAX_PREFIX_QUERIES = 512  # queries a batch for a custom model that cannot encode all events at once: each is a history


def batch_loss(model: Recommender, member_batches: Sequence[Batch], sampler: NegativeSampler | None = None) -> Tensor:
    """Cross-entropy of the next baskets, in nats a question. Each member is asked the questions of its own part.

    drawing: how some items are chosen to stand for all; None: nothing is left out.
    """
    sampled_items = sampler.sample(member_batches) if sampler is not None else None
    member_batches = [sampled_items.remap_batch(part) for part in member_batches] if sampled_items else member_batches
    n_queries = max(1, sum(len(part.targets.starts) for part in member_batches))
    losses = [
        member_loss(member, part, sampled_items) * (len(part.targets.starts) / n_queries)
        for member, part in zip(
            model.ensemble(sampled_items.items if sampled_items else None), member_batches, strict=True
        )
    ]
    return torch.stack(losses).sum()


def member_loss(member: EnsembleMember, batch: Batch, sampled_items: SampledItems | None) -> Tensor:
    """Mean over the questions of its part; 0 where nothing is asked."""
    targets = SoftTargets(batch.targets.items, batch.targets.starts)
    if len(targets.starts) == 0:
        return member.item_embeddings.sum() * 0.0
    vectors, score_delta = _encode_queries(member, batch)
    biases = member.item_biases
    if sampled_items is not None:
        biases, score_delta = (
            biases + sampled_items.log_q_correction,
            sampled_items.cancel_target_correction(targets, score_delta),
        )
    precision = devices.matrix_precision(biases.device, len(targets.starts) * len(biases))
    return catalogue_cross_entropy(vectors, member.item_embeddings, biases, targets, score_delta, precision)


def batch_scores(model: Recommender, batch: Batch) -> Tensor:
    """(Q, V + 1) scores at the asked rows, all at once: what `batch_loss` never holds."""
    scores = []
    for member in model.ensemble():
        vectors, score_delta = _encode_queries(member, batch)
        dense_scores = vectors @ member.item_embeddings.T + member.item_biases  # (Q, V + 1)
        scores.append(
            dense_scores.index_put((score_delta.queries, score_delta.items), score_delta.values, accumulate=True)
        )
    return torch.stack(scores).mean(dim=0)


def _encode_queries(member: EnsembleMember, batch: Batch) -> tuple[Tensor, SparseScoreDelta]:
    """(Q, P) a member's vectors at the asked rows, and what its memory adds to their product with its table.

    Nothing is computed for padding, for there is none.
    """
    encoder = member.encoder
    inputs = F.embedding(batch.items, member.item_embeddings)  # (N, P)
    encoded = encoder(inputs, batch.types, batch.gaps, batch.positions, packed_attention(batch.groups))  # (N, D)
    vectors = encoder.project(F.embedding(batch.targets.rows, encoded))  # (Q, P)
    return vectors, repeat_scores(encoder.repeat_attention, encoded, batch)


def repeat_scores(repeat_attention: RepeatAttention, encoded: Tensor, batch: Batch) -> SparseScoreDelta:
    """What the memory adds to the scores: one value per question and known event.

    A question's values reach over its whole window; events after the question add 0.
    """
    sizes = [count * length for count, length in batch.groups]
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
