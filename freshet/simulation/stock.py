"""Stock: slots that are sold out for a few days. Shoppers view the next cheaper item of the category instead."""

from typing import Final

import numpy as np

from freshet.simulation.array_types import Bools

STOCK_STREAM: Final = 15
P_SELL_OUT: Final = 0.01  # share of slots that sell out per day
MIN_SOLD_OUT_DAYS, MAX_SOLD_OUT_DAYS = 1, 5  # days


def draw_sold_out(seed: int, n_days: int, n_slots: int) -> Bools:
    """Return whether each slot is sold out on each day (days, P)."""
    rng = np.random.default_rng([seed, STOCK_STREAM])
    starts = rng.random((n_days, n_slots)) < P_SELL_OUT
    durations = rng.integers(MIN_SOLD_OUT_DAYS, MAX_SOLD_OUT_DAYS + 1, (n_days, n_slots)) * starts
    is_sold_out = np.zeros((n_days, n_slots), bool)
    for days_ago in range(min(MAX_SOLD_OUT_DAYS, n_days)):
        is_sold_out[days_ago:] |= durations[: n_days - days_ago] > days_ago
    return is_sold_out
