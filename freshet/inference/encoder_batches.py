"""Which histories go through the shopper encoder together. Not who asks decides what is answered, only how fast."""

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import numpy as np

from freshet.data.history import Ints

# by_length: histories of about the same length, so that little is computed for padding.
# together: as they come; a GPU computes padding besides.
# alone: each by itself, for an encoder that rounds a history by what else is in the run, as int8 does.
EncoderBatching = Literal["by_length", "together", "alone"]

MAX_ENCODER_BATCH: Final = 256  # histories encoded at once
MAX_PADDING_EVENTS: Final = 4  # events that a history may be padded by, beside a quarter of its length
DYNAMIC_QUANTIZE_OP: Final = b"DynamicQuantizeLinear"  # an ONNX operator: one scale for its whole input


def encoder_batches(lengths: Ints, batching: EncoderBatching) -> Iterator[Ints]:
    """The places of B histories of these lengths (B,), run by run; each history is in exactly one."""
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
    """Whether an encoder rounds each history by all that are asked with it.

    An operator's name stands in the file as it is, so no ONNX library is needed to look.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(DYNAMIC_QUANTIZE_OP) >= 0
