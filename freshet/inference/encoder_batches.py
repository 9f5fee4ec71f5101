"""Batching of histories for the shopper encoder, such that a result never depends on the other histories."""

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import numpy as np

from freshet.data.history import Ints

# by_length: histories of similar length together, so that little is computed for padding.
# together: in the given order; on a GPU padding costs nothing.
# alone: one at a time, for encoders with dynamic quantization, whose rounding depends on the whole batch.
EncoderBatching = Literal["by_length", "together", "alone"]

MAX_ENCODER_BATCH: Final = 256  # histories encoded at once
MAX_PADDING_EVENTS: Final = 4  # padding of a history, in addition to a quarter of its length
DYNAMIC_QUANTIZE_OP: Final = b"DynamicQuantizeLinear"  # ONNX operator with one scale for the whole batch


def encoder_batches(lengths: Ints, batching: EncoderBatching) -> Iterator[Ints]:
    """Yield the positions of each batch, out of B histories of these lengths (B,); each is in exactly one batch."""
    if batching == "alone":
        yield from np.arange(len(lengths)).reshape(-1, 1)
        return
    order: Ints = np.argsort(lengths, kind="stable") if batching == "by_length" else np.arange(len(lengths))
    start = 0
    while start < len(order):
        stop = min(start + MAX_ENCODER_BATCH, len(order))
        if batching == "by_length":
            max_length = lengths[order[start]] * 5 // 4 + MAX_PADDING_EVENTS
            stop = min(stop, int(np.searchsorted(lengths[order], max_length, side="right")))
        yield order[start:stop]
        start = stop


def is_dynamically_quantized(path: Path) -> bool:
    """Whether the rounding of an encoder depends on the whole batch.

    Searches the file for the operator's name, which needs no ONNX library.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(DYNAMIC_QUANTIZE_OP) >= 0
