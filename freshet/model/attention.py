"""Causal attention: over packed windows in training and over padded histories in serving, with the same results."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

# (…, H, D / H) queries, keys, values -> the same shape
AttentionFn = Callable[[Tensor, Tensor, Tensor], Tensor]


def packed_attention(groups: tuple[tuple[int, int], ...]) -> AttentionFn:
    """Return the function that computes causal attention within each window of a packed batch.

    groups: (windows, length) of the batch; windows of equal length are processed as one rectangle.
    """
    sizes = [count * length for count, length in groups]

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        parts = zip(groups, *(torch.split(x, sizes) for x in (q, k, v)), strict=True)
        return torch.cat([padded_attention(*(x.unflatten(0, group) for x in xs)).flatten(0, 1) for group, *xs in parts])

    return attend


def padded_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """(B, T, H, d) each -> (B, T, H, d). Padding is on the right, where causal attention does not look."""
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))  # (B, H, T, d)
    # On the CPU the backward pass of torch's kernel is five times slower in bfloat16 than in float32.
    if q.device.type == "cpu" and q.dtype == torch.bfloat16:
        with torch.autocast("cpu", enabled=False):
            q, k, v = q.float(), k.float(), v.float()
            return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)  # (B, T, H, d)
    return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)  # (B, T, H, d)
