"""Whether shoppers are answered differently at all."""

import numpy as np

from freshet.data.history import Ints


def personalisation(lists: Ints, shopper_index: Ints) -> float:
    """Mean share of the places in which the lists (C, k) of two shoppers differ; 0 where all get the same.

    The mean Hamming distance between users' lists (Zhou et al. 2010), over all pairs of shoppers, each with the last of
    their lists. With fewer than two shoppers there is no pair, and 1 is given.
    """
    last_lists = lists[_last_case_per_shopper(shopper_index)]
    shoppers, k = last_lists.shape
    if shoppers < 2:
        return 1.0
    counts = np.bincount(last_lists[last_lists > 0])
    n_equal_pairs = int(np.sum(counts * (counts - 1)))
    return 1.0 - n_equal_pairs / (int(shoppers) * (int(shoppers) - 1) * int(k))


def distinct_list_share(lists: Ints) -> float:
    """Different lists (C, k) over all lists; 0 without any."""
    return len(np.unique(lists, axis=0)) / len(lists) if len(lists) else 0.0


def random_personalisation(k: int, items: int) -> float:
    """The personalisation of lists of k drawn from `items`: the most that can be asked for on average."""
    return max(0.0, 1.0 - k / items) if items else 0.0


def _last_case_per_shopper(shopper_index: Ints) -> Ints:
    """(G,) the last case of every shopper."""
    last_cases = np.full(int(shopper_index.max(initial=-1)) + 1, -1, dtype=np.int64)
    last_cases[shopper_index] = np.arange(len(shopper_index))
    return last_cases[last_cases >= 0]
