"""Histories become packed batches: rows end to end, not one number of padding computed."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from freshet.data.history import Ints
from freshet.training.dataset import TrainingDataset

MIN_BATCH_EVENTS = 64
SORT_POOL_BATCHES = 32  # batches whose windows are sorted by length together


@dataclass(frozen=True)
class BatchTargets:
    """Q questions to a batch: at `rows`, which items? Question q owns items[starts[q]:starts[q + 1]]."""

    rows: Tensor  # (Q,)
    items: Tensor  # (M,)
    starts: Tensor  # (Q,)

    def to(self, device: torch.device) -> "BatchTargets":
        return BatchTargets(*(getattr(self, field.name).to(device, non_blocking=True) for field in fields(self)))


@dataclass(frozen=True)
class Batch:
    """N packed events. Windows of the same length lie together, so attention sees them as plain rectangles."""

    items: Tensor  # (N,)
    types: Tensor  # (N,)
    gaps: Tensor  # (N,)
    positions: Tensor  # (N,) from 0 in each window
    groups: tuple[tuple[int, int], ...]  # (windows, length) in order; sum of the products = N
    targets: BatchTargets  # the next basket

    def to(self, device: torch.device) -> "Batch":
        events = (x.to(device, non_blocking=True) for x in (self.items, self.types, self.gaps, self.positions))
        items, types, gaps, positions = events
        return Batch(items, types, gaps, positions, self.groups, self.targets.to(device))


def events_per_batch(n_events: int, steps_per_epoch: int, max_events: int) -> int:
    """Packed events in a batch: an epoch has about `steps_per_epoch` batches, but none is tiny or over `most`."""
    return int(np.clip(n_events // steps_per_epoch, MIN_BATCH_EVENTS, max_events))


def sample_windows(lengths: Ints, max_length: int, rng: np.random.Generator) -> Ints:
    """(W, 3) shopper, first row within the history, rows: histories cut into pieces of at most `length`.

    Where a long history is cut first is drawn anew each time, so that every event is once near the end of a window.
    """
    long = lengths > max_length
    shift = np.where(long, rng.integers(1, max_length + 1, len(lengths)), max_length)
    n_windows = np.where(lengths > 0, 1 + -(-(np.maximum(lengths - shift, 0)) // max_length), 0)
    shopper = np.repeat(np.arange(len(lengths)), n_windows)
    index = np.arange(len(shopper)) - np.repeat(np.cumsum(n_windows) - n_windows, n_windows)
    end = np.minimum(shift[shopper] + index * max_length, lengths[shopper])
    start = np.maximum(shift[shopper] + (index - 1) * max_length, 0)
    start = np.where(index == 0, 0, start)
    return np.stack([shopper, start, end - start], axis=1)


def batches(
    dataset: TrainingDataset, max_length: int, n_events: int, target_rate: float, rng: np.random.Generator
) -> Iterator[Batch]:
    """One epoch in random order, about `rows` events a batch.

    Asked is at the end of every basket, and at a `share` of the events inside one.
    """
    windows = sample_windows(dataset.lengths, max_length, rng)
    windows = windows[rng.permutation(len(windows))]
    batch_windows = [
        chunk
        for pool in _split_by_events(windows, n_events * SORT_POOL_BATCHES)
        for chunk in _split_by_events(_sort_by_length(pool), n_events)
    ]
    for index in rng.permutation(len(batch_windows)):
        yield pack(dataset, batch_windows[index], target_rate, rng)


def pack(dataset: TrainingDataset, windows: Ints, target_rate: float, rng: np.random.Generator) -> Batch:
    """The windows (W, 3), sorted by length, as one batch."""
    lengths = windows[:, 2]
    positions = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    rows = np.repeat(dataset.offsets[windows[:, 0]] + windows[:, 1], lengths) + positions
    has_target = dataset.basket_end[rows] | (rng.random(len(rows)) < target_rate)
    sizes, counts = np.unique(lengths, return_counts=True)
    return Batch(
        torch.from_numpy(dataset.items[rows]),
        torch.from_numpy(dataset.types[rows]),
        torch.from_numpy(np.where(positions == 0, 0, dataset.gaps[rows])),
        torch.from_numpy(positions),
        tuple(zip(counts.tolist(), sizes.tolist(), strict=True)),
        _batch_targets(np.where(has_target[:, None], dataset.target_ranges[rows], 0), dataset.targets),
    )


def _sort_by_length(windows: Ints) -> Ints:
    return windows[np.argsort(windows[:, 2], kind="stable")]


def _split_by_events(windows: Ints, n_events: int) -> list[Ints]:
    """Consecutive windows, together at least `rows` events each (the last part may have fewer)."""
    ends = np.cumsum(windows[:, 2])
    chunk_index = (ends - windows[:, 2]) // n_events
    return np.split(windows, np.flatnonzero(np.diff(chunk_index)) + 1)


def _batch_targets(ranges: Ints, targets: Ints) -> BatchTargets:
    """The rows (N, 2) that have a range, with the targets in it."""
    rows = np.flatnonzero(ranges[:, 1] > ranges[:, 0])
    sizes = ranges[rows, 1] - ranges[rows, 0]
    starts = np.cumsum(sizes) - sizes
    indices = np.arange(sizes.sum()) - np.repeat(starts - ranges[rows, 0], sizes)
    return BatchTargets(torch.from_numpy(rows), torch.from_numpy(targets[indices]), torch.from_numpy(starts))
