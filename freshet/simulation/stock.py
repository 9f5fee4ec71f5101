"""What is sold out on which day: for a few days each. The next cheaper item of the category is looked at meanwhile."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

STOCK_STREAM: Final = 15
BEGINS: Final = 0.01  # of the places are sold out anew every day
SHORTEST, LONGEST = 1, 5  # days


def sold_out(seed: int, days: int, places: int) -> NDArray[np.bool_]:
    """(days, P)"""
    rng = np.random.default_rng([seed, STOCK_STREAM])
    begins = rng.random((days, places)) < BEGINS
    lasts = rng.integers(SHORTEST, LONGEST + 1, (days, places)) * begins
    table = np.zeros((days, places), bool)
    for ago in range(min(LONGEST, days)):
        table[ago:] |= lasts[: days - ago] > ago
    return table
