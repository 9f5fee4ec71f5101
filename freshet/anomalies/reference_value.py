"""The reference value of a metric: its median over the last published days, and how much it varied there."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import Final

from freshet.anomalies.metrics import Counts, DayMetric

MIN_REFERENCE_DAYS: Final = 5  # published days; with fewer a metric has no reference value
MIN_WEEKLY_DAYS: Final = 7  # published days; the same for a metric with a weekly pattern
MIN_SAME_WEEKDAYS: Final = 3  # with at least this many, only days of the same weekday are reference days
SPREAD_QUANTILE: Final = 0.95  # share of the reference days that lie within the spread
MAX_SPREAD: Final = math.log(3)  # log factor; a wider variation of a shop does not count

DailyCounts = Mapping[date, Counts]  # published day → the counts of its profile


@dataclass(frozen=True)
class ReferenceValue:
    """The median of a metric, the log factor within which the reference days vary, and the days of the median."""

    value: float
    spread: float
    days: Sequence[date]
    weekly: bool  # whether all of them are the same day of the week

    @property
    def description(self) -> str:
        """The reference days as text: `4 Fridays before`."""
        return f"{len(self.days)} {self.days[0]:%A}s before" if self.weekly else f"{len(self.days)} days before"


def reference_value(metric: DayMetric, day: date, reference_days: DailyCounts) -> ReferenceValue | None:
    """Return the reference value for `day` from the published days of the window before it; None if they are too few.

    The spread is the 95 % quantile of the reference days' own distances from their median, at most threefold.
    """
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
    """Return by which factor a value lies outside the spread around the reference value; 1 inside it."""
    return math.exp(max(0.0, metric.log_distance(value, reference.value, counts) - reference.spread))


def _comparable_days(metric: DayMetric, day: date, values: Mapping[date, float]) -> Sequence[date]:
    """Return the days to compare with: those of the same weekday for a weekly metric, if there are enough."""
    same_weekday = [d for d in values if d.weekday() == day.weekday()] if metric.weekly else []
    return same_weekday if len(same_weekday) >= MIN_SAME_WEEKDAYS else list(values)
