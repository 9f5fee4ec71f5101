"""What the model is taught: a softmax over all items whose mass belongs, in equal parts, to the next basket's items."""

import torch
from torch import Tensor


def basket_cross_entropy(scores: Tensor, items: Tensor, starts: Tensor) -> Tensor:
    """Mean over Q questions of the cross-entropy between softmax(scores) and the asked items.

    scores (Q, V + 1), of which column 0 = PAD is no answer; items (M,) and starts (Q,): question q asks for
    items[starts[q]:starts[q + 1]], each with the weight 1 / how many. With one item each it is the plain
    cross-entropy of next-item models. No question at all: 0.
    """
    if len(starts) == 0:
        return scores.sum() * 0.0
    sizes = torch.diff(starts, append=starts.new_tensor([len(items)]))  # (Q,)
    question = torch.repeat_interleave(torch.arange(len(starts), device=items.device), sizes)  # (M,)
    asked = (scores[question, items] / sizes[question]).sum()
    return (torch.logsumexp(scores[:, 1:], dim=1).sum() - asked) / len(starts)


def learning_rate_factor(step: int, warm_up: int, steps: int) -> float:
    """Linear up over `warm_up` steps, then linear down to zero at `steps`."""
    if step < warm_up:
        return (step + 1) / warm_up
    return max(0.0, (steps - step) / max(1, steps - warm_up))
