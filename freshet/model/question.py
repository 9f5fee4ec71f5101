"""One training step's question: how badly are the next baskets of a packed batch guessed?

Shapes: N packed events, W windows of T events each, Q questions, D width, P numbers of a member's vector, V items.
"""

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor
from torch.nn import functional as F

from freshet.model import device as devices
from freshet.model.attention import attend_packed
from freshet.model.batches import Batch
from freshet.model.drawing import Drawing, Drawn
from freshet.model.losses import Added, Wanted, catalogue_cross_entropy
from freshet.model.memory import Memory
from freshet.model.transformer import Member, Recommender


def batch_loss(model: Recommender, parts: Sequence[Batch], drawing: Drawing | None = None) -> Tensor:
    """Cross-entropy of the next baskets, in nats a question. Each member is asked the questions of its own part.

    drawing: how some items are chosen to stand for all; None: nothing is left out.
    """
    drawn = drawing.draw(parts) if drawing is not None else None
    parts = [drawn.places(part) for part in parts] if drawn else parts
    asked = max(1, sum(len(part.following.starts) for part in parts))
    losses = [
        member_loss(member, part, drawn) * (len(part.following.starts) / asked)
        for member, part in zip(model.members(drawn.items if drawn else None), parts, strict=True)
    ]
    return torch.stack(losses).sum()


def member_loss(member: Member, part: Batch, drawn: Drawn | None) -> Tensor:
    """Mean over the questions of its part; 0 where nothing is asked."""
    wanted = Wanted(part.following.items, part.following.starts)
    if len(wanted.starts) == 0:
        return member.table.sum() * 0.0
    vectors, added = _answers(member, part)
    biases = member.biases
    if drawn is not None:
        biases, added = biases + drawn.raised, drawn.once(wanted, added)
    precision = devices.matrix_precision(biases.device, len(wanted.starts) * len(biases))
    return catalogue_cross_entropy(vectors, member.table, biases, wanted, added, precision)


def batch_scores(model: Recommender, batch: Batch) -> Tensor:
    """(Q, V + 1) scores at the asked rows, all at once: what `batch_loss` never holds."""
    scores = []
    for member in model.members():
        vectors, added = _answers(member, batch)
        plain = vectors @ member.table.T + member.biases  # (Q, V + 1)
        scores.append(plain.index_put((added.questions, added.items), added.values, accumulate=True))
    return torch.stack(scores).mean(dim=0)


def _answers(member: Member, batch: Batch) -> tuple[Tensor, Added]:
    """(Q, P) a member's vectors at the asked rows, and what its memory adds to their product with its table.

    Nothing is computed for padding, for there is none.
    """
    encoder = member.encoder
    inputs = F.embedding(batch.items, member.table)  # (N, P)
    encoded = encoder(inputs, batch.types, batch.gaps, batch.positions, attend_packed(batch.groups))  # (N, D)
    vectors = encoder.vectors(F.embedding(batch.following.rows, encoded))  # (Q, P)
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
