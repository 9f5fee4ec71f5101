"""One training step's question: how badly are the next baskets of a packed batch guessed?"""

from itertools import accumulate

import torch
from torch import Tensor
from torch.nn import functional as F

from freshet.model.attention import attend_packed
from freshet.model.batches import Batch
from freshet.model.losses import basket_cross_entropy
from freshet.model.memory import Memory
from freshet.model.transformer import Recommender


def batch_loss(model: Recommender, batch: Batch) -> Tensor:
    """Cross-entropy of the next baskets, in nats a question."""
    asked = batch.following
    return basket_cross_entropy(batch_scores(model, batch), asked.items, asked.starts)


def batch_scores(model: Recommender, batch: Batch) -> Tensor:
    """(Q, V + 1) scores at the asked rows; nothing is computed for padding, for there is none."""
    item_vectors = model.item_vectors()  # (V + 1, E)
    inputs = F.embedding(batch.items, item_vectors[:, :-1])  # (N, P)
    encoded = model.shoppers(inputs, batch.types, batch.gaps, batch.positions, attend_packed(batch.groups))  # (N, D)
    vectors = model.shoppers.vectors(F.embedding(batch.following.rows, encoded))  # (Q, E)
    scores = vectors @ item_vectors.T  # (Q, V + 1)
    cells, added = remembered(model.shoppers.memory, encoded, batch, scores.shape[1])
    return scores.flatten().index_add(0, cells, added).view_as(scores)


def remembered(memory: Memory, encoded: Tensor, batch: Batch, columns: int) -> tuple[Tensor, Tensor]:
    """What the memory adds to the scores (Q, columns), as flat (cells, values): one pair per question and known event.

    A question's pairs reach over its whole window; events after the question add 0.
    """
    sizes = [count * length for count, length in batch.groups]
    edges = [0, *accumulate(sizes)]
    first = torch.searchsorted(batch.following.rows, torch.tensor(edges, device=encoded.device)).tolist()
    parts = zip(batch.groups, edges[:-1], first[:-1], first[1:], torch.split(encoded, sizes), strict=True)
    cells, values = [], []
    for (count, length), edge, begin, end, x in parts:
        rows = batch.following.rows[begin:end] - edge  # (q,) within the group
        met = batch.items[edge : edge + count * length].view(count, length)  # (W, T)
        window = x.view(count, length, -1)  # (W, T, D)
        known = torch.ones((1, length, length), device=x.device, dtype=x.dtype).tril()  # (1, T, T)
        added = memory(window, window, met, known).flatten(0, 1)  # (W, T, T) -> (W T, T)
        questions = torch.arange(begin, end, device=rows.device).unsqueeze(1)  # (q, 1)
        cells.append((questions * columns + met[rows // length]).flatten())  # (q T,)
        values.append(F.embedding(rows, added).flatten())  # (q T,)
    return torch.cat(cells), torch.cat(values)
