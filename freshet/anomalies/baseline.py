"""What is usual: the median of a figure over the last published days, and how much it varies there."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import Final

from freshet.anomalies.metrics import Counts, DayMetric

MIN_REFERENCE_DAYS: Final = 5  # a shop with fewer published days has no usual yet
MIN_WEEKLY_DAYS: Final = 7  # published days that are needed for what is different at weekends
MIN_SAME_WEEKDAYS: Final = 3  # as many of the same day of the week are compared with by themselves
SPREAD_QUANTILE: Final = 0.95  # so many of the past days lie within the spread
MAX_SPREAD: Final = math.log(3)  # a shop that varies more than that is not let off more

DailyCounts = Mapping[date, Counts]  # published day → the counts of its profile


@dataclass(frozen=True)
class ReferenceValue:
    """The usual value, the logarithm of the factor within which days vary, and the days it was taken from."""

    value: float
    spread: float
    days: Sequence[date]
    weekly: bool  # whether all of them are the same day of the week

    @property
    def description(self) -> str:
        """The days compared with, for people: `4 Fridays before`."""
        return f"{len(self.days)} {self.days[0]:%A}s before" if self.weekly else f"{len(self.days)} days before"


def reference_value(metric: DayMetric, day: date, reference_days: DailyCounts) -> ReferenceValue | None:
    """What is usual on `day`, from the published days of the window before it; None for too young a shop."""
    values = {d: value for d in sorted(reference_days) if not math.isnan(value := metric.value(reference_days[d]))}
    if len(values) < (MIN_WEEKLY_DAYS if metric.weekly else MIN_REFERENCE_DAYS):
        return None
    days = _comparable_days(metric, day, values)
    distances = sorted(
        metric.log_distance(
            value, median(values[d] for d in _comparable_days(metric, other_day, values)), reference_days[other_day]
        )
        for other_day, value in values.items()
    )
    spread = min(distances[math.ceil(SPREAD_QUANTILE * len(distances)) - 1], MAX_SPREAD)
    return ReferenceValue(median(values[d] for d in days), spread, days, weekly=len(days) < len(values))


def deviation_factor(metric: DayMetric, counts: Counts, value: float, reference: ReferenceValue) -> float:
    """By which factor a value lies outside of what is usual; 1 where it is within."""
    return math.exp(max(0.0, metric.log_distance(value, reference.value, counts) - reference.spread))


def _comparable_days(metric: DayMetric, day: date, values: Mapping[date, float]) -> Sequence[date]:
    """The days to compare with: the same day of the week, where there are enough of it."""
    same_weekday = [d for d in values if d.weekday() == day.weekday()] if metric.weekly else []
    return same_weekday if len(same_weekday) >= MIN_SAME_WEEKDAYS else list(values)
