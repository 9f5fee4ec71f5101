"""Histories with their answers: for every event, the items that a recommendation made right then should name."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from freshet.history import Histories, Ints, baskets, is_target, model_input


@dataclass(frozen=True)
class Corpus:
    """Packed histories, and for every row a range of `targets`. A range (lo, hi) with lo == hi asks nothing."""

    offsets: Ints  # (S + 1,)
    items: Ints  # (N,)
    types: Ints  # (N,)
    gaps: Ints  # (N,)
    closes: NDArray[np.bool_]  # (N,) the row is the last of its basket
    targets: Ints  # (M,) the different items of every basket, returns left out
    following: Ints  # (N, 2) the shopper's next basket that holds a target

    @property
    def lengths(self) -> Ints:
        """(S,) events per shopper."""
        return np.diff(self.offsets)


def corpus(histories: Histories, never: NDArray[np.bool_] | None = None) -> Corpus:
    """Everything that `histories` can teach. Events with items outside the vocabulary are left out.

    never: (V + 1,) items that are no target, for they are never recommended.
    """
    whole = model_input(histories, max(1, len(histories.items)))
    basket = baskets(whole.times, whole.offsets)
    wanted = is_target(whole.types) & _first_in_basket(basket, whole.items)
    if never is not None:
        wanted &= ~never[whole.items]
    seen = np.cumsum(wanted, dtype=np.int64)  # targets up to and including each row
    count = int(basket.max(initial=-1)) + 1
    ends = np.searchsorted(basket, np.arange(count), side="right")
    closes = np.zeros(len(basket), dtype=bool)
    closes[ends - 1] = True
    limits = np.concatenate([[0], seen[ends - 1]]).astype(np.int64)  # basket b owns targets[limits[b]:limits[b + 1]]
    owners = np.repeat(np.arange(len(whole.offsets) - 1), np.diff(whole.offsets))
    return Corpus(
        whole.offsets,
        whole.items,
        whole.types,
        whole.gaps,
        closes,
        whole.items[wanted],
        _following(limits, owners[ends - 1])[basket],
    )


def met_items(taught: Corpus, items: int) -> Tensor:
    """(V + 1,) which of V items anything can be learned of; PAD is none."""
    return events_of(taught, items + 1) > 0


def events_of(taught: Corpus, rows: int) -> Tensor:
    """(rows,) events of each item."""
    return torch.from_numpy(np.bincount(taught.items, minlength=rows)).float()


def _first_in_basket(basket: Ints, items: Ints) -> NDArray[np.bool_]:
    """(N,) false where the item stood in the same basket before."""
    first = np.zeros(len(items), dtype=bool)
    first[np.unique(np.stack([basket, items]), axis=1, return_index=True)[1]] = True
    return first


def _following(limits: Ints, owners: Ints) -> Ints:
    """(K, 2) for each of K baskets, the targets of the same owner's next basket that has any."""
    count = len(owners)
    numbers = np.where(np.diff(limits) > 0, np.arange(count), count)
    nearest = np.minimum.accumulate(numbers[::-1])[::-1]  # itself, if it has targets
    after = np.append(nearest, count)[1:]
    found = after < count
    found[found] = owners[after[found]] == owners[found]
    at = np.where(found, after, 0)
    return np.where(found[:, None], np.stack([limits[at], limits[at + 1]], axis=1), 0)
