"""Seasonality: session starts by weekday and hour, demand of each category over the year."""

from datetime import date

import numpy as np

from freshet.data.day_numbers import day_number
from freshet.simulation.array_types import Floats, Ints
from freshet.simulation.product_titles import CATEGORIES

WEEKDAY_WEIGHTS = np.array([0.95, 0.9, 0.95, 1.0, 1.0, 1.1, 1.2])  # Monday first
HOUR_WEIGHTS = np.array([2, 1, 1, 1, 2, 4, 7, 9, 11, 12, 13, 14, 14, 13, 14, 13, 13, 15, 17, 19, 18, 13, 8, 5], float)
DAY_SECONDS = 86_400  # seconds
SEASON_AMPLITUDE = 0.5  # relative deviation of a category's demand in its best and worst month
YEAR_DAYS = 365.25  # days
HALF_YEAR_DAYS = YEAR_DAYS / 2


def draw_session_starts(first_day: date, days: range, shopper: Ints, rng: np.random.Generator) -> Ints:
    """Draw a start for each session, in seconds since 1970 (UTC), ascending within each shopper.

    days: numbers of the days on which sessions may start. shopper: (V,) the shopper of each session, ascending. No
    session starts in the last hour of a day.
    """
    weight = WEEKDAY_WEIGHTS[(first_day.weekday() + np.array(days)) % 7]
    day = days.start + rng.choice(len(days), size=len(shopper), p=weight / weight.sum())
    hour = rng.choice(24, size=len(shopper), p=HOUR_WEIGHTS / HOUR_WEIGHTS.sum())
    second = day * DAY_SECONDS + np.minimum(hour * 3600 + rng.integers(3600, size=len(shopper)), DAY_SECONDS - 3600)
    order = np.lexsort((second, shopper))
    return np.asarray(second[order] + day_number(first_day) * DAY_SECONDS)


def season_factors(first_day: date, day: int, shift: float, n_categories: int) -> Floats:
    """Return the demand factor (C,) of each category on a day, around 1. shift: 1 = seasons half a year early."""
    peaks = np.array([peak_month for *_, peak_month in CATEGORIES[:n_categories]])
    day_of_year = first_day.timetuple().tm_yday + day + shift * HALF_YEAR_DAYS
    wave = np.cos(2 * np.pi * (day_of_year / YEAR_DAYS - (peaks - 0.5) / 12))
    return np.where(peaks > 0, 1.0 + SEASON_AMPLITUDE * wave, 1.0)
