"""One training step's question: how badly are the next baskets of a packed batch guessed?"""

from itertools import accumulate

import torch
from torch import Tensor
from torch.nn import functional as F

from freshet.model import device as devices
from freshet.model.attention import attend_packed
from freshet.model.batches import Batch
from freshet.model.losses import Added, Wanted, catalogue_cross_entropy
from freshet.model.memory import Memory
from freshet.model.transformer import Recommender


def batch_loss(model: Recommender, batch: Batch) -> Tensor:
    """Cross-entropy of the next baskets, in nats a question."""
    vectors, item_vectors, added = _answers(model, batch)
    wanted = Wanted(batch.following.items, batch.following.starts)
    precision = devices.matrix_precision(vectors.device, len(vectors) * len(item_vectors))
    return catalogue_cross_entropy(vectors, item_vectors, wanted, added, precision)


def batch_scores(model: Recommender, batch: Batch) -> Tensor:
    """(Q, V + 1) scores at the asked rows, all at once: what `batch_loss` never holds."""
    vectors, item_vectors, added = _answers(model, batch)
    scores = vectors @ item_vectors.T  # (Q, V + 1)
    return scores.index_put((added.questions, added.items), added.values, accumulate=True)


def _answers(model: Recommender, batch: Batch) -> tuple[Tensor, Tensor, Added]:
    """(Q, E) vectors at the asked rows, (V + 1, E) vectors of the items, and what the memory adds to their product.

    Nothing is computed for padding, for there is none.
    """
    item_vectors = model.item_vectors()  # (V + 1, E)
    inputs = F.embedding(batch.items, item_vectors[:, :-1])  # (N, P)
    encoded = model.shoppers(inputs, batch.types, batch.gaps, batch.positions, attend_packed(batch.groups))  # (N, D)
    vectors = model.shoppers.vectors(F.embedding(batch.following.rows, encoded))  # (Q, E)
    return vectors, item_vectors, remembered(model.shoppers.memory, encoded, batch)


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
