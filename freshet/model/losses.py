"""What the model is taught: a softmax over all items whose mass belongs, in equal parts, to a basket's items."""

import torch
from torch import Tensor
from torch.nn import functional as F


def basket_cross_entropy(vectors: Tensor, item_vectors: Tensor, items: Tensor, starts: Tensor) -> Tensor:
    """Mean over Q questions of the cross-entropy between softmax(vectors @ item_vectors.T) and the asked items.

    vectors (Q, D); item_vectors (V + 1, D), row 0 = PAD, which is no answer; items (M,) and starts (Q,): question q
    asks for items[starts[q]:starts[q + 1]], each with the weight 1 / how many. With one item each it is the plain
    cross-entropy of next-item models. No question at all: 0.

    The mean of the targets' scores is the score of their mean vector, so that no (Q, M) pairs are ever made.
    """
    if len(starts) == 0:
        return item_vectors.sum() * 0.0
    scores = vectors @ item_vectors[1:].T  # (Q, V)
    asked = F.embedding_bag(items, item_vectors, starts, mode="mean")  # (Q, D)
    return (torch.logsumexp(scores, dim=1) - (vectors * asked).sum(dim=1)).mean()


def learning_rate_factor(step: int, warm_up: int, steps: int) -> float:
    """Linear up over `warm_up` steps, then linear down to zero at `steps`."""
    if step < warm_up:
        return (step + 1) / warm_up
    return max(0.0, (steps - step) / max(1, steps - warm_up))
