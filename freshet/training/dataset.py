"""The training dataset: packed histories, and for every event the target items, those of the next basket."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from freshet.data.history import Histories, Ints, basket_ids, is_target, model_input


@dataclass(frozen=True)
class TrainingDataset:
    """Packed histories, and for every row a range of `targets`. An empty range (lo == hi) makes no query."""

    offsets: Ints  # (S + 1,)
    items: Ints  # (N,)
    types: Ints  # (N,)
    gaps: Ints  # (N,)
    basket_end: NDArray[np.bool_]  # (N,) the row is the last of its basket
    targets: Ints  # (M,) the distinct items of every basket, without returns
    target_ranges: Ints  # (N, 2) the shopper's next basket that holds a target

    @property
    def lengths(self) -> Ints:
        """(S,) events per shopper."""
        return np.diff(self.offsets)


def build_dataset(histories: Histories, excluded_items: NDArray[np.bool_] | None = None) -> TrainingDataset:
    """Return the dataset of `histories`, without the events whose items are not in the vocabulary.

    excluded_items: (V + 1,) items that are never a target, because they are never recommended.
    """
    events = model_input(histories, max(1, len(histories.items)))
    basket = basket_ids(events.times, events.offsets)
    target_mask = is_target(events.types) & _is_first_in_basket(basket, events.items)
    if excluded_items is not None:
        target_mask &= ~excluded_items[events.items]
    last_rows = np.searchsorted(basket, np.arange(int(basket.max(initial=-1)) + 1), side="right") - 1  # per basket
    basket_end = np.zeros(len(basket), dtype=bool)
    basket_end[last_rows] = True
    # Basket b owns targets[target_offsets[b]:target_offsets[b + 1]].
    target_offsets = np.concatenate([[0], np.cumsum(target_mask)[last_rows]]).astype(np.int64)
    shopper_index = np.repeat(np.arange(len(events.offsets) - 1), np.diff(events.offsets))
    return TrainingDataset(
        offsets=events.offsets,
        items=events.items,
        types=events.types,
        gaps=events.gaps,
        basket_end=basket_end,
        targets=events.items[target_mask],
        target_ranges=_next_basket_ranges(target_offsets, shopper_index[last_rows])[basket],
    )


def observed_items(dataset: TrainingDataset, n_items: int) -> Tensor:
    """(V + 1,) true for the items that occur in the dataset; false for PAD."""
    return events_per_item(dataset, n_items + 1) > 0


def events_per_item(dataset: TrainingDataset, n_rows: int) -> Tensor:
    """(n_rows,) events of each item; the rows are those of an item table, V + 1 or more."""
    return torch.from_numpy(np.bincount(dataset.items, minlength=n_rows)).float()


def _is_first_in_basket(basket: Ints, items: Ints) -> NDArray[np.bool_]:
    """(N,) false for items that occurred earlier in the same basket."""
    first = np.zeros(len(items), dtype=bool)
    first[np.unique(np.stack([basket, items]), axis=1, return_index=True)[1]] = True
    return first


def _next_basket_ranges(target_offsets: Ints, shopper_index: Ints) -> Ints:
    """(K, 2) for each of K baskets, the target range of the same shopper's next basket that has targets."""
    n_baskets = len(shopper_index)
    with_targets = np.where(np.diff(target_offsets) > 0, np.arange(n_baskets), n_baskets)
    nearest = np.minimum.accumulate(with_targets[::-1])[::-1]  # itself, if it has targets
    next_baskets = np.append(nearest, n_baskets)[1:]
    has_next = next_baskets < n_baskets
    has_next[has_next] = shopper_index[next_baskets[has_next]] == shopper_index[has_next]
    index = np.where(has_next, next_baskets, 0)
    return np.where(has_next[:, None], np.stack([target_offsets[index], target_offsets[index + 1]], axis=1), 0)
