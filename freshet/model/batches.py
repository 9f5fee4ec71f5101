"""Histories become packed batches: rows end to end, not one number of padding computed."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from freshet.history import Ints
from freshet.model.corpus import Corpus

SMALLEST_BATCH = 64
POOL = 32  # batches whose windows are sorted by length together


@dataclass(frozen=True)
class Asked:
    """Q questions to a batch: at `rows`, which items? Question q owns items[starts[q]:starts[q + 1]]."""

    rows: Tensor  # (Q,)
    items: Tensor  # (M,)
    starts: Tensor  # (Q,)

    def to(self, device: torch.device) -> "Asked":
        return Asked(*(getattr(self, field.name).to(device, non_blocking=True) for field in fields(self)))


@dataclass(frozen=True)
class Batch:
    """N packed events. Windows of the same length lie together, so attention sees them as plain rectangles."""

    items: Tensor  # (N,)
    types: Tensor  # (N,)
    gaps: Tensor  # (N,)
    positions: Tensor  # (N,) from 0 in each window
    groups: tuple[tuple[int, int], ...]  # (windows, length) in order; sum of the products = N
    following: Asked  # the next basket

    def to(self, device: torch.device) -> "Batch":
        events = (x.to(device, non_blocking=True) for x in (self.items, self.types, self.gaps, self.positions))
        items, types, gaps, positions = events
        return Batch(items, types, gaps, positions, self.groups, self.following.to(device))


def rows_per_batch(rows: int, steps_per_epoch: int, most: int) -> int:
    """Packed events in a batch: an epoch has about `steps_per_epoch` batches, but none is tiny or over `most`."""
    return int(np.clip(rows // steps_per_epoch, SMALLEST_BATCH, most))


def windows(lengths: Ints, length: int, rng: np.random.Generator) -> Ints:
    """(W, 3) shopper, first row within the history, rows: histories cut into pieces of at most `length`.

    Where a long history is cut first is drawn anew each time, so that every event is once near the end of a window.
    """
    long = lengths > length
    shift = np.where(long, rng.integers(1, length + 1, len(lengths)), length)
    pieces = np.where(lengths > 0, 1 + -(-(np.maximum(lengths - shift, 0)) // length), 0)
    shopper = np.repeat(np.arange(len(lengths)), pieces)
    number = np.arange(len(shopper)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    end = np.minimum(shift[shopper] + number * length, lengths[shopper])
    start = np.maximum(shift[shopper] + (number - 1) * length, 0)
    start = np.where(number == 0, 0, start)
    return np.stack([shopper, start, end - start], axis=1)


def batches(corpus: Corpus, length: int, rows: int, share: float, rng: np.random.Generator) -> Iterator[Batch]:
    """One epoch in random order, about `rows` events a batch.

    Asked is at the end of every basket, and at a `share` of the events inside one.
    """
    pieces = windows(corpus.lengths, length, rng)
    pieces = pieces[rng.permutation(len(pieces))]
    cuts = [part for pool in _cut(pieces, rows * POOL) for part in _cut(_by_length(pool), rows)]
    for number in rng.permutation(len(cuts)):
        yield pack(corpus, cuts[number], share, rng)


def pack(corpus: Corpus, pieces: Ints, share: float, rng: np.random.Generator) -> Batch:
    """The windows (W, 3), sorted by length, as one batch."""
    lengths = pieces[:, 2]
    positions = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    rows = np.repeat(corpus.offsets[pieces[:, 0]] + pieces[:, 1], lengths) + positions
    asked = corpus.closes[rows] | (rng.random(len(rows)) < share)
    sizes, counts = np.unique(lengths, return_counts=True)
    return Batch(
        torch.from_numpy(corpus.items[rows]),
        torch.from_numpy(corpus.types[rows]),
        torch.from_numpy(np.where(positions == 0, 0, corpus.gaps[rows])),
        torch.from_numpy(positions),
        tuple(zip(counts.tolist(), sizes.tolist(), strict=True)),
        _asked(np.where(asked[:, None], corpus.following[rows], 0), corpus.targets),
    )


def _by_length(pieces: Ints) -> Ints:
    return pieces[np.argsort(pieces[:, 2], kind="stable")]


def _cut(pieces: Ints, rows: int) -> list[Ints]:
    """Consecutive windows, together at least `rows` events each (the last part may have fewer)."""
    ends = np.cumsum(pieces[:, 2])
    part = (ends - pieces[:, 2]) // rows
    return np.split(pieces, np.flatnonzero(np.diff(part)) + 1)


def _asked(ranges: Ints, targets: Ints) -> Asked:
    """The rows (N, 2) that have a range, with the targets in it."""
    rows = np.flatnonzero(ranges[:, 1] > ranges[:, 0])
    sizes = ranges[rows, 1] - ranges[rows, 0]
    starts = np.cumsum(sizes) - sizes
    picked = np.arange(sizes.sum()) - np.repeat(starts - ranges[rows, 0], sizes)
    return Asked(torch.from_numpy(rows), torch.from_numpy(targets[picked]), torch.from_numpy(starts))
