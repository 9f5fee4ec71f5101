"""Metrics of a landing day, each a count, a quotient or a share of the counts of its profile."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Counts = Mapping[str, float]
BadDirection = Literal["low", "high", "both"]

MIN_EVENTS: Final = 100  # rows; a share of fewer is not compared
SMOOTHING_ROWS: Final = 3  # rows added to a share before it is compared, because a share of few rows is uncertain


@dataclass(frozen=True)
class DayMetric:
    """A metric of a day: `numerator` / `denominator`, or the numerator itself if there is no denominator.

    check: the anomaly check that it belongs to. bad_direction: whether lower, higher or both values are an anomaly.
    is_share: a share (0 to 1), compared by its ratio or that of its complement,
    the larger of the two; `tolerance` is added
    to both shares. support_count: the count of which a day must have at least `min_support`. weekly: whether it depends
    on the day of the week. grows_during_day: whether a day that is not over has a lower value.
    """

    check: str
    name: str
    numerator: str
    denominator: str | None = None
    bad_direction: BadDirection = "both"
    is_share: bool = True
    tolerance: float = 0.01
    support_count: str | None = "rows"
    min_support: int = MIN_EVENTS
    scale: float = 1
    weekly: bool = False
    grows_during_day: bool = False

    def value(self, counts: Counts) -> float:
        """Return the value for a day; NaN if a count is missing or too small."""
        if self.numerator not in counts or (self.denominator is not None and self.denominator not in counts):
            return math.nan
        if self.support_count is not None and counts.get(self.support_count, 0) < self.min_support:
            return math.nan
        numerator = counts[self.numerator] * self.scale
        if self.denominator is None:
            return numerator
        return numerator / counts[self.denominator] if counts[self.denominator] > 0 else math.nan

    def log_distance(self, value: float, reference: float, counts: Counts) -> float:
        """Return how far a value is from the reference: a log factor (log 2 = twice); 0 in the harmless direction."""
        if (self.bad_direction == "low" and value >= reference) or (
            self.bad_direction == "high" and value <= reference
        ):
            return 0.0
        if not self.is_share:
            return (
                abs(_clipped_log(value / reference))
                if value > 0 and reference > 0
                else (0.0 if value == reference else math.log(MAX_FACTOR))
            )
        tolerance = self.tolerance + SMOOTHING_ROWS / max(counts[self.denominator or self.numerator], 1)
        up, down = (
            _clipped_log((value + tolerance) / (reference + tolerance)),
            _clipped_log((1 - value + tolerance) / (1 - reference + tolerance)),
        )
        return max(abs(up), abs(down))

    def format_value(self, value: float) -> str:
        """Return the value as text."""
        if self.is_share:
            return f"{value:.1%}"
        return f"{value:,.0f}" if self.denominator is None and self.scale == 1 else f"{value:,.2f}"


MAX_FACTOR: Final = 999.0  # largest factor; stands for an infinite one


def _clipped_log(ratio: float) -> float:
    return math.log(min(max(ratio, 1 / MAX_FACTOR), MAX_FACTOR))


DAY_METRICS: Final = (
    DayMetric("volume", "events", "rows", support_count=None, is_share=False, weekly=True, grows_during_day=True),
    DayMetric(
        "volume",
        "hours with events",
        "hours",
        support_count=None,
        bad_direction="low",
        is_share=False,
        weekly=True,
        grows_during_day=True,
    ),
    DayMetric("skipped", "skipped rows", "skipped", "landed", support_count="landed", bad_direction="high"),
    DayMetric("duplicates", "duplicate rows", "duplicate", "landed", support_count="landed", bad_direction="high"),
    DayMetric("event_types", "views", "views", "rows", tolerance=0.005),
    DayMetric("event_types", "carts", "carts", "rows", tolerance=0.005),
    DayMetric("event_types", "purchases", "purchases", "rows", tolerance=0.005),
    DayMetric("event_types", "returns", "returns", "rows", bad_direction="high", tolerance=0.05),
    DayMetric("users", "events with a user", "with_user", "rows", bad_direction="low", tolerance=0.05),
    DayMetric(
        "users",
        "users seen before",
        "seen_users",
        "compared_users",
        bad_direction="low",
        tolerance=0.05,
        support_count="users",
        min_support=30,
    ),
    DayMetric("shoppers", "events of one shopper", "max_shopper_events", "rows", bad_direction="high", tolerance=0.05),
    DayMetric("shoppers", "events a shopper", "rows", "shoppers", is_share=False),
    DayMetric("sessions", "events with a session", "with_session", "rows", tolerance=0.05),
    DayMetric("sessions", "events a session", "with_session", "sessions", is_share=False),
    DayMetric(
        "items",
        "events on items seen before",
        "seen_item_events",
        "compared_events",
        bad_direction="low",
        tolerance=0.05,
    ),
    DayMetric("items", "events on one item", "max_item_events", "rows", bad_direction="high", tolerance=0.05),
    DayMetric(
        "item_names", "items with another name", "renamed_items", "titled_items", bad_direction="high", tolerance=0.03
    ),
    DayMetric("item_names", "items with a name", "titled_items", "items", bad_direction="low", tolerance=0.05),
    DayMetric("prices", "median price", "median_price", support_count="priced", is_share=False, scale=1e-4),
    DayMetric("prices", "events with a price", "priced", "rows", tolerance=0.05),
    DayMetric(
        "prices",
        "events at price 0",
        "zero_prices",
        "priced",
        support_count="priced",
        bad_direction="high",
        tolerance=0.03,
    ),
    DayMetric("moments", "events older than two days", "old_events", "rows", bad_direction="high", tolerance=0.03),
    DayMetric("moments", "different times an event", "distinct_times", "rows", bad_direction="low", is_share=False),
)
