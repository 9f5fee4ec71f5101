"""What is usual: the median of a figure over the last published days, and how much it varies there."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import Final

from freshet.past.figures import Counts, Figure

LEAST_DAYS: Final = 5  # a shop with fewer published days has no usual yet
WEEK: Final = 7  # published days that are needed for what is different at weekends
LEAST_WEEKDAYS: Final = 3  # as many of the same day of the week are compared with by themselves
SPREAD_AT: Final = 0.95  # so many of the past days lie within the spread
WIDEST: Final = math.log(3)  # a shop that varies more than that is not let off more

History = Mapping[date, Counts]  # published day → the counts of its profile


@dataclass(frozen=True)
class Usual:
    """The usual value, the logarithm of the factor within which days vary, and the days it was taken from."""

    value: float
    spread: float
    days: Sequence[date]
    weekly: bool  # whether all of them are the same day of the week

    @property
    def compared(self) -> str:
        """The days compared with, for people: `4 Fridays before`."""
        return f"{len(self.days)} {self.days[0]:%A}s before" if self.weekly else f"{len(self.days)} days before"


def usual(figure: Figure, day: date, past: History) -> Usual | None:
    """What is usual on `day`, from the published days of the window before it; None for too young a shop."""
    values = {d: value for d in sorted(past) if not math.isnan(value := figure.value(past[d]))}
    if len(values) < (WEEK if figure.weekly else LEAST_DAYS):
        return None
    days = _alike(figure, day, values)
    distances = sorted(
        figure.distance(value, median(values[d] for d in _alike(figure, own, values)), past[own])
        for own, value in values.items()
    )
    spread = min(distances[math.ceil(SPREAD_AT * len(distances)) - 1], WIDEST)
    return Usual(median(values[d] for d in days), spread, days, weekly=len(days) < len(values))


def times_off(figure: Figure, counts: Counts, value: float, of: Usual) -> float:
    """By which factor a value lies outside of what is usual; 1 where it is within."""
    return math.exp(max(0.0, figure.distance(value, of.value, counts) - of.spread))


def _alike(figure: Figure, day: date, values: Mapping[date, float]) -> Sequence[date]:
    """The days to compare with: the same day of the week, where there are enough of it."""
    same = [d for d in values if d.weekday() == day.weekday()] if figure.weekly else []
    return same if len(same) >= LEAST_WEEKDAYS else list(values)
