"""Dropout with a random number generator per thread, so that data-parallel threads are reproducible."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

MASK_LEVELS = 256  # a mask uses one random byte per number: the rate is rounded to a multiple of 1 / 256

_generator: ContextVar[np.random.Generator | None] = ContextVar("dropout_generator", default=None)


@contextmanager
def dropout_generator(generator: np.random.Generator) -> Iterator[None]:
    """Within the context, `Dropout` on the CPU and in this thread takes its masks from `generator`."""
    token = _generator.set(generator)
    try:
        yield
    finally:
        _generator.reset(token)


class Dropout(nn.Module):
    """Zero a share of the numbers in training and scale up the others, as `torch.nn.Dropout`.

    torch takes the masks of all threads from one generator, number by number: this is slow, and the order depends on
    the threads. With `dropout_generator` the masks are random bytes of the thread's own generator.
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
