"""Echoes: baskets that begin with the item of the event just before, seconds later. They are no questions.

People do open a page twice; a tracker that writes every look twice makes half of all baskets echoes, and a list that
repeats the last item answers them all.
"""

from typing import Final

import numpy as np

from freshet.history import Histories, baskets

SECONDS: Final = 5  # nobody has been served anything in between


def echo_share(histories: Histories, after: int, until: int, seconds: int | None = SECONDS) -> float:
    """Of the baskets that begin on the landed days (after, until], the share that are echoes; 0 without baskets.

    seconds: since the event before, at most; None: the same item again after any time. A shopper's first basket is
    none: nothing was known before it.
    """
    owners = np.repeat(np.arange(len(histories)), np.diff(histories.offsets))
    basket = baskets(histories.times, histories.offsets)
    begins = 1 + np.flatnonzero((basket[1:] != basket[:-1]) & (owners[1:] == owners[:-1]))
    begins = begins[(histories.days[begins] > after) & (histories.days[begins] <= until)]
    same = histories.items[begins] == histories.items[begins - 1]
    if seconds is not None:
        same &= histories.times[begins] - histories.times[begins - 1] <= seconds
    return float(same.mean()) if len(begins) else 0.0
