"""Whether shoppers are answered differently at all."""

import numpy as np

from freshet.history import Ints


def personalisation(lists: Ints, owners: Ints) -> float:
    """Mean share of the places in which the lists (C, k) of two shoppers differ; 0 where all get the same.

    The mean Hamming distance between users' lists (Zhou et al. 2010), over all pairs of shoppers, each with the last of
    their lists. With fewer than two shoppers there is no pair, and 1 is given.
    """
    last = lists[_last_of_each(owners)]
    shoppers, k = last.shape
    if shoppers < 2:
        return 1.0
    counts = np.bincount(last[last > 0])
    pairs = int(np.sum(counts * (counts - 1)))
    return 1.0 - pairs / (int(shoppers) * (int(shoppers) - 1) * int(k))


def distinct_share(lists: Ints) -> float:
    """Different lists (C, k) over all lists; 0 without any."""
    return len(np.unique(lists, axis=0)) / len(lists) if len(lists) else 0.0


def by_chance(k: int, items: int) -> float:
    """The personalisation of lists of k drawn from `items`: the most that can be asked for on average."""
    return max(0.0, 1.0 - k / items) if items else 0.0


def _last_of_each(owners: Ints) -> Ints:
    """(G,) the last case of every shopper."""
    places = np.full(int(owners.max(initial=-1)) + 1, -1, dtype=np.int64)
    places[owners] = np.arange(len(owners))
    return places[places >= 0]
