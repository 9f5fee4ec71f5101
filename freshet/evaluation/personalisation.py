"""Personalisation: how much the lists of different shoppers differ."""

import numpy as np

from freshet.data.history import Ints


def personalisation(lists: Ints, shopper_index: Ints) -> float:
    """Return the mean share of items in which the lists (C, k) of two shoppers differ; 0 if all lists are equal.

    The mean Hamming distance between users' lists (Zhou et al. 2010) over all pairs of shoppers, each with the list of
    their last case. 1 with fewer than two shoppers.
    """
    last_lists = lists[_last_case_per_shopper(shopper_index)]
    shoppers, k = last_lists.shape
    if shoppers < 2:
        return 1.0
    counts = np.bincount(last_lists[last_lists > 0])
    n_equal_pairs = int(np.sum(counts * (counts - 1)))
    return 1.0 - n_equal_pairs / (int(shoppers) * (int(shoppers) - 1) * int(k))


def distinct_list_share(lists: Ints) -> float:
    """Return the number of different lists (C, k) over the number of lists; 0 without lists."""
    return len(np.unique(lists, axis=0)) / len(lists) if len(lists) else 0.0


def random_personalisation(k: int, n_items: int) -> float:
    """Return the expected personalisation of lists of k items drawn at random."""
    return max(0.0, 1.0 - k / n_items) if n_items else 0.0


def _last_case_per_shopper(shopper_index: Ints) -> Ints:
    """(G,) index of every shopper's last case."""
    last_cases = np.full(int(shopper_index.max(initial=-1)) + 1, -1, dtype=np.int64)
    last_cases[shopper_index] = np.arange(len(shopper_index))
    return last_cases[last_cases >= 0]
