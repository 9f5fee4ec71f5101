"""Echoes: baskets that begin with the item of the event just before, at most seconds later.

Shoppers sometimes open a page twice. A tracker that writes every view twice makes half of all baskets echoes, and a
list that repeats the last item predicts all of them.
"""

from typing import Final

import numpy as np

from freshet.data.history import Histories, basket_ids

ECHO_WINDOW_S: Final = 5  # too short for a shopper to have seen a new list in between


def echo_share(histories: Histories, after: int, until: int, max_gap_s: int | None = ECHO_WINDOW_S) -> float:
    """Return the share of echoes among the baskets that begin on the landing days (after, until]; 0 without baskets.

    max_gap_s: maximum seconds since the event before; None counts repeats after any time. A shopper's first basket is
    not counted.
    """
    shopper_index = np.repeat(np.arange(len(histories)), np.diff(histories.offsets))
    basket_index = basket_ids(histories.times, histories.offsets)
    basket_starts = 1 + np.flatnonzero(
        (basket_index[1:] != basket_index[:-1]) & (shopper_index[1:] == shopper_index[:-1])
    )
    basket_starts = basket_starts[(histories.days[basket_starts] > after) & (histories.days[basket_starts] <= until)]
    is_repeat = histories.items[basket_starts] == histories.items[basket_starts - 1]
    if max_gap_s is not None:
        is_repeat &= histories.times[basket_starts] - histories.times[basket_starts - 1] <= max_gap_s
    return float(is_repeat.mean()) if len(basket_starts) else 0.0
