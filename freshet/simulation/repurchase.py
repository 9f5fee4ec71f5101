"""What is used up and bought again: every so many days a shopper comes for the same consumable once more."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

MIN_PACK_DAYS, MAX_PACK_DAYS = 7, 21  # days that a pack lasts
P_BUY_REPLENISHMENT: Final = 0.5  # of those who come for it buy it; the others look


def is_replenishment_due(period: Ints, phase: Ints, last_day: Ints, day: Ints) -> NDArray[np.bool_]:
    """(B,) whether a pack was used up since the visit before. last: its day, -1 = there was none."""
    return (last_day >= 0) & ((day + phase) // period > (last_day + phase) // period)
