"""When people visit: more at weekends, most in the evening. And what sells in which season."""

from datetime import date

import numpy as np
from numpy.typing import NDArray

from freshet.simulation.goods import CATEGORIES

WEEKDAYS = np.array([0.95, 0.9, 0.95, 1.0, 1.0, 1.1, 1.2])  # Monday first
HOURS = np.array([2, 1, 1, 1, 2, 4, 7, 9, 11, 12, 13, 14, 14, 13, 14, 13, 13, 15, 17, 19, 18, 13, 8, 5], float)
DAY = 86_400  # seconds
EPOCH = date(1970, 1, 1)
SWING = 0.5  # how far a category goes above and below its usual sales in its best and worst month
YEAR = 365.25  # days
HALF_A_YEAR = YEAR / 2


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def visit_starts(
    first_day: date, days: range, shopper: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """A start for each visit, in seconds since 1970 (UTC), ascending within each shopper.

    days: day numbers on which visits may begin. shopper: (V,) who visits, ascending. The last hour of a day is left
    free for visits to end in.
    """
    weight = WEEKDAYS[(first_day.weekday() + np.array(days)) % 7]
    day = days.start + rng.choice(len(days), size=len(shopper), p=weight / weight.sum())
    hour = rng.choice(24, size=len(shopper), p=HOURS / HOURS.sum())
    second = day * DAY + np.minimum(hour * 3600 + rng.integers(3600, size=len(shopper)), DAY - 3600)
    order = np.lexsort((second, shopper))
    return np.asarray(second[order] + day_number(first_day) * DAY)


def season(first_day: date, day: int, early: float, categories: int) -> NDArray[np.float64]:
    """(categories,) how well each sells on a day, around 1. early: 1 = the seasons come half a year early."""
    peaks = np.array([month for *_, month in CATEGORIES[:categories]])
    of_year = first_day.timetuple().tm_yday + day + early * HALF_A_YEAR
    wave = np.cos(2 * np.pi * (of_year / YEAR - (peaks - 0.5) / 12))
    return np.where(peaks > 0, 1.0 + SWING * wave, 1.0)
