"""One training step's question: how badly are the next baskets of a packed batch guessed?"""

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor
from torch.nn import functional as F

from freshet.model import device as devices
from freshet.model.attention import attend_packed
from freshet.model.batches import Batch
from freshet.model.drawing import Drawing
from freshet.model.losses import Added, Wanted, catalogue_cross_entropy
from freshet.model.memory import Memory
from freshet.model.transformer import Recommender, ShopperEncoder


def batch_loss(model: Recommender, parts: Sequence[Batch], drawing: Drawing | None = None) -> Tensor:
    """Cross-entropy of the next baskets, in nats a question. Each member is asked the questions of its own part.

    drawing: how some items are chosen to stand for all; None: nothing is left out.
    """
    drawn = drawing.draw(parts) if drawing is not None else None
    item_vectors = model.item_vectors(drawn.items if drawn else None)  # (V + 1, E), or (S, E)
    parts = [drawn.places(part) for part in parts] if drawn else parts
    losses = []
    for (encoder, table), part in zip(model.members(item_vectors), parts, strict=True):
        wanted = Wanted(part.following.items, part.following.starts)
        if len(wanted.starts):
            vectors, added = _answers(encoder, table, part)
            if drawn is not None:
                table, added = _raised(table, drawn.raised), drawn.once(wanted, added)
            precision = devices.matrix_precision(table.device, len(wanted.starts) * len(table))
            loss = catalogue_cross_entropy(vectors, table, wanted, added, precision)
            losses.append(loss * len(wanted.starts))
    if not losses:
        return item_vectors.sum() * 0.0
    return torch.stack(losses).sum() / sum(len(part.following.starts) for part in parts)


def _raised(table: Tensor, by: Tensor) -> Tensor:
    """(S, P + 1) with biases that are higher."""
    return torch.cat([table[:, :-1], table[:, -1:] + by[:, None]], dim=1)


def batch_scores(model: Recommender, batch: Batch) -> Tensor:
    """(Q, V + 1) scores at the asked rows, all at once: what `batch_loss` never holds."""
    scores = []
    for encoder, table in model.members(model.item_vectors()):
        vectors, added = _answers(encoder, table, batch)
        cells = added.questions, added.items
        scores.append((vectors @ table.T).index_put(cells, added.values, accumulate=True))  # (Q, V + 1)
    return torch.stack(scores).mean(dim=0)


def _answers(encoder: ShopperEncoder, table: Tensor, batch: Batch) -> tuple[Tensor, Added]:
    """(Q, P + 1) a member's vectors at the asked rows, and what its memory adds to their product with its table.

    table (V + 1, P + 1). Nothing is computed for padding, for there is none.
    """
    inputs = F.embedding(batch.items, table[:, :-1])  # (N, P)
    encoded = encoder(inputs, batch.types, batch.gaps, batch.positions, attend_packed(batch.groups))  # (N, D)
    vectors = encoder.vectors(F.embedding(batch.following.rows, encoded))  # (Q, P + 1)
    return vectors, remembered(encoder.memory, encoded, batch)


def remembered(memory: Memory, encoded: Tensor, batch: Batch) -> Added:
    """What the memory adds to the scores: one value per question and known event.

    A question's values reach over its whole window; events after the question add 0.
    """
    sizes = [count * length for count, length in batch.groups]
    edges = [0, *accumulate(sizes)]
    first = torch.searchsorted(batch.following.rows, torch.tensor(edges, device=encoded.device)).tolist()
    parts = zip(batch.groups, edges[:-1], first[:-1], first[1:], torch.split(encoded, sizes), strict=True)
    questions, items, values = [], [], []
    for (count, length), edge, begin, end, x in parts:
        rows = batch.following.rows[begin:end] - edge  # (q,) within the group
        met = batch.items[edge : edge + count * length].view(count, length)  # (W, T)
        window = x.view(count, length, -1)  # (W, T, D)
        known = torch.ones((1, length, length), device=x.device, dtype=x.dtype).tril()  # (1, T, T)
        added = memory(window, window, met, known).flatten(0, 1)  # (W, T, T) -> (W T, T)
        questions.append(torch.arange(begin, end, device=rows.device).repeat_interleave(length))  # (q T,)
        items.append(met[rows // length].flatten())  # (q T,)
        values.append(F.embedding(rows, added).flatten())  # (q T,)
    return Added(torch.cat(questions), torch.cat(items), torch.cat(values))
