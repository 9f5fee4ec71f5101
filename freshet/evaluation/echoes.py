"""Echoes: baskets that begin with the item of the event just before, seconds later. They are no questions.

People do open a page twice; a tracker that writes every look twice makes half of all baskets echoes, and a list that
repeats the last item answers them all.
"""

from typing import Final

import numpy as np

from freshet.data.history import Histories, basket_ids

ECHO_WINDOW_S: Final = 5  # nobody has been served anything in between


def echo_share(histories: Histories, after: int, until: int, max_gap_s: int | None = ECHO_WINDOW_S) -> float:
    """Of the baskets that begin on the landed days (after, until], the share that are echoes; 0 without baskets.

    seconds: since the event before, at most; None: the same item again after any time. A shopper's first basket is
    none: nothing was known before it.
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
