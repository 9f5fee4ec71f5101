"""When people visit: more at weekends, most in the evening."""

from datetime import date

import numpy as np
from numpy.typing import NDArray

WEEKDAYS = np.array([0.9, 0.85, 0.9, 1.0, 1.0, 1.3, 1.4])  # Monday first
HOURS = np.array([2, 1, 1, 1, 1, 2, 4, 6, 7, 8, 9, 10, 11, 10, 9, 9, 10, 12, 15, 18, 20, 18, 12, 6], float)
DAY = 86_400  # seconds
EPOCH = date(1970, 1, 1)


def visit_starts(first_day: date, days: int, shopper: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """A start for each visit, in seconds since 1970 (UTC), ascending within each shopper.

    shopper: (V,) who visits, ascending. The last hour of the last day is left free for visits to end in.
    """
    weekday = (first_day.weekday() + np.arange(days)) % 7
    by_day = WEEKDAYS[weekday] / WEEKDAYS[weekday].sum()
    day = rng.choice(days, size=len(shopper), p=by_day)
    hour = rng.choice(24, size=len(shopper), p=HOURS / HOURS.sum())
    second = day * DAY + np.minimum(hour * 3600 + rng.integers(3600, size=len(shopper)), DAY - 3600)
    order = np.lexsort((second, shopper))
    return np.asarray(second[order] + (first_day - EPOCH).days * DAY)
