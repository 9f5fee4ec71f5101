"""Histories with their answers: for every event, the items that a recommendation made right then should name."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from freshet.data.history import Histories, Ints, basket_ids, is_target, model_input


@dataclass(frozen=True)
class TrainingDataset:
    """Packed histories, and for every row a range of `targets`. A range (lo, hi) with lo == hi asks nothing."""

    offsets: Ints  # (S + 1,)
    items: Ints  # (N,)
    types: Ints  # (N,)
    gaps: Ints  # (N,)
    basket_end: NDArray[np.bool_]  # (N,) the row is the last of its basket
    targets: Ints  # (M,) the different items of every basket, returns left out
    target_ranges: Ints  # (N, 2) the shopper's next basket that holds a target

    @property
    def lengths(self) -> Ints:
        """(S,) events per shopper."""
        return np.diff(self.offsets)


def build_dataset(histories: Histories, excluded_items: NDArray[np.bool_] | None = None) -> TrainingDataset:
    """Everything that `histories` can teach. Events with items outside the vocabulary are left out.

    never: (V + 1,) items that are no target, for they are never recommended.
    """
    events = model_input(histories, max(1, len(histories.items)))
    basket = basket_ids(events.times, events.offsets)
    target_mask = is_target(events.types) & _is_first_in_basket(basket, events.items)
    if excluded_items is not None:
        target_mask &= ~excluded_items[events.items]
    target_counts = np.cumsum(target_mask, dtype=np.int64)  # targets up to and including each row
    n_baskets = int(basket.max(initial=-1)) + 1
    ends = np.searchsorted(basket, np.arange(n_baskets), side="right")
    basket_end = np.zeros(len(basket), dtype=bool)
    basket_end[ends - 1] = True
    target_offsets = np.concatenate([[0], target_counts[ends - 1]]).astype(
        np.int64
    )  # basket b owns targets[limits[b]:limits[b + 1]]
    shopper_index = np.repeat(np.arange(len(events.offsets) - 1), np.diff(events.offsets))
    return TrainingDataset(
        events.offsets,
        events.items,
        events.types,
        events.gaps,
        basket_end,
        events.items[target_mask],
        _next_basket_ranges(target_offsets, shopper_index[ends - 1])[basket],
    )


def observed_items(dataset: TrainingDataset, n_items: int) -> Tensor:
    """(V + 1,) which of V items anything can be learned of; PAD is none."""
    return events_per_item(dataset, n_items + 1) > 0


def events_per_item(dataset: TrainingDataset, n_rows: int) -> Tensor:
    """(rows,) events of each item."""
    return torch.from_numpy(np.bincount(dataset.items, minlength=n_rows)).float()


def _is_first_in_basket(basket: Ints, items: Ints) -> NDArray[np.bool_]:
    """(N,) false where the item stood in the same basket before."""
    first = np.zeros(len(items), dtype=bool)
    first[np.unique(np.stack([basket, items]), axis=1, return_index=True)[1]] = True
    return first


def _next_basket_ranges(target_offsets: Ints, shopper_index: Ints) -> Ints:
    """(K, 2) for each of K baskets, the targets of the same owner's next basket that has any."""
    n_baskets = len(shopper_index)
    with_targets = np.where(np.diff(target_offsets) > 0, np.arange(n_baskets), n_baskets)
    nearest = np.minimum.accumulate(with_targets[::-1])[::-1]  # itself, if it has targets
    next_baskets = np.append(nearest, n_baskets)[1:]
    has_next = next_baskets < n_baskets
    has_next[has_next] = shopper_index[next_baskets[has_next]] == shopper_index[has_next]
    index = np.where(has_next, next_baskets, 0)
    return np.where(has_next[:, None], np.stack([target_offsets[index], target_offsets[index + 1]], axis=1), 0)
