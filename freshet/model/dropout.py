"""Dropout whose masks come from a generator of the caller's, so that threads draw independently and reproducibly."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

MASK_LEVELS = 256  # a mask is drawn from one random byte per number: the dropped share is a multiple of 1 / 256

_generator: ContextVar[np.random.Generator | None] = ContextVar("dropout_generator", default=None)


@contextmanager
def dropout_generator(generator: np.random.Generator) -> Iterator[None]:
    """Within it, and in this thread only, `Dropout` on the CPU draws its masks from `generator`."""
    token = _generator.set(generator)
    try:
        yield
    finally:
        _generator.reset(token)


class Dropout(nn.Module):
    """Zeroes a share of the numbers in training and scales the others up, as `torch.nn.Dropout`.

    torch draws the masks of all threads from one generator, number by number: slow, and in an order that depends on the
    threads. With `dropout_generator` they are random bytes instead.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """(…) -> the same shape."""
        if not self.training or self.rate == 0:
            return x
        generator = _generator.get()
        if generator is None or x.device.type != "cpu":
            return F.dropout(x, self.rate)
        drop_level = min(MASK_LEVELS - 1, max(1, round(self.rate * MASK_LEVELS)))
        keep = np.frombuffer(generator.bytes(x.numel()), np.uint8) >= drop_level
        mask = torch.from_numpy(keep).view(x.shape).to(x.dtype).mul_(MASK_LEVELS / (MASK_LEVELS - drop_level))
        return x * mask
