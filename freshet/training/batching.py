"""Sequence packing: cut histories into windows and lay them end to end in batches, without any padding."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from freshet.data.history import Ints
from freshet.training.dataset import TrainingDataset

MIN_BATCH_EVENTS = 64
SORT_POOL_BATCHES = 32  # batches whose windows are sorted by length together


@dataclass(frozen=True)
class BatchTargets:
    """The Q queries of a batch with their target items: query q owns items[starts[q]:starts[q + 1]]."""

    rows: Tensor  # (Q,) the event after which the query predicts
    items: Tensor  # (M,)
    starts: Tensor  # (Q,)

    def to(self, device: torch.device) -> "BatchTargets":
        rows, items, starts = (x.to(device, non_blocking=True) for x in (self.rows, self.items, self.starts))
        return BatchTargets(rows, items, starts)


@dataclass(frozen=True)
class Batch:
    """N packed events. Windows of the same length are adjacent, so that attention sees them as rectangles."""

    items: Tensor  # (N,)
    types: Tensor  # (N,)
    gaps: Tensor  # (N,)
    positions: Tensor  # (N,) from 0 in each window
    groups: tuple[tuple[int, int], ...]  # (windows, length) in order; sum of the products = N
    targets: BatchTargets  # the items of the next basket

    @property
    def group_sizes(self) -> list[int]:
        """Events of each group of windows of the same length."""
        return [count * length for count, length in self.groups]

    def to(self, device: torch.device) -> "Batch":
        columns = (self.items, self.types, self.gaps, self.positions)
        items, types, gaps, positions = (x.to(device, non_blocking=True) for x in columns)
        return Batch(items, types, gaps, positions, self.groups, self.targets.to(device))


def events_per_batch(n_events: int, steps_per_epoch: int, max_events: int) -> int:
    """Return the packed events of a batch for about `steps_per_epoch` batches an epoch, within sensible limits."""
    return int(np.clip(n_events // steps_per_epoch, MIN_BATCH_EVENTS, max_events))


def sample_windows(lengths: Ints, max_length: int, rng: np.random.Generator) -> Ints:
    """Return (W, 3) windows of at most `max_length` events: shopper, first row within the history, number of rows.

    The first cut of a long history is random, so that over the epochs every event is near the end of some window.
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
    """Yield the batches of one epoch in random order, each with about `n_events` events.

    Queries are the ends of all baskets and a share `target_rate` of the events inside a basket.
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
    """Return the windows (W, 3), sorted by length, as one batch."""
    lengths = windows[:, 2]
    positions = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    rows = np.repeat(dataset.offsets[windows[:, 0]] + windows[:, 1], lengths) + positions
    has_target = dataset.basket_end[rows] | (rng.random(len(rows)) < target_rate)
    sizes, counts = np.unique(lengths, return_counts=True)
    return Batch(
        items=torch.from_numpy(dataset.items[rows]),
        types=torch.from_numpy(dataset.types[rows]),
        gaps=torch.from_numpy(np.where(positions == 0, 0, dataset.gaps[rows])),
        positions=torch.from_numpy(positions),
        groups=tuple(zip(counts.tolist(), sizes.tolist(), strict=True)),
        targets=_batch_targets(np.where(has_target[:, None], dataset.target_ranges[rows], 0), dataset.targets),
    )


def _sort_by_length(windows: Ints) -> Ints:
    return windows[np.argsort(windows[:, 2], kind="stable")]


def _split_by_events(windows: Ints, n_events: int) -> list[Ints]:
    """Split consecutive windows into chunks of about `n_events` events; the last chunk may have fewer."""
    ends = np.cumsum(windows[:, 2])
    chunk_index = (ends - windows[:, 2]) // n_events
    return np.split(windows, np.flatnonzero(np.diff(chunk_index)) + 1)


def _batch_targets(ranges: Ints, targets: Ints) -> BatchTargets:
    """Return as queries the rows (N, 2) whose range of `targets` is not empty."""
    rows = np.flatnonzero(ranges[:, 1] > ranges[:, 0])
    sizes = ranges[rows, 1] - ranges[rows, 0]
    starts = np.cumsum(sizes) - sizes
    indices = np.arange(sizes.sum()) - np.repeat(starts - ranges[rows, 0], sizes)
    return BatchTargets(torch.from_numpy(rows), torch.from_numpy(targets[indices]), torch.from_numpy(starts))
