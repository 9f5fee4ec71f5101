"""Absolute bounds: shares of a day's events that are wrong in any shop, with or without earlier days."""

from dataclasses import dataclass
from typing import Final

from freshet.anomalies.metrics import Counts

MIN_DISTINCT_TIMES: Final = 0.01  # distinct times per event; with fewer, the times of the events are wrong
MIN_SESSION_SHOPPERS: Final = 10  # shoppers with one session id among them; with at least this many it is wrong
MIN_BOUND_ROWS: Final = 500  # rows; smaller days may be a person who tries the shop out


@dataclass(frozen=True)
class AbsoluteBound:
    """A share of two counts of a day: from `warn_share` on a warning, from `refuse_share` on (None: never) a refusal.

    applies_with_history: also checked in a shop with enough published days; otherwise only in a new shop.
    """

    check: str
    numerator: str
    denominator: str
    warn_share: float
    refuse_share: float | None
    message: str
    min_rows: int = MIN_BOUND_ROWS
    applies_with_history: bool = False

    def share(self, counts: Counts) -> float:
        """Return the share; 0 for a day of too few rows."""
        denominator = counts.get(self.denominator, 0)
        return counts.get(self.numerator, 0) / denominator if denominator >= self.min_rows else 0.0

    def describe(self, counts: Counts) -> str:
        """Return the message about a day that exceeds the bound."""
        numerator, denominator = int(counts[self.numerator]), int(counts[self.denominator])
        return self.message.format(share=f"{self.share(counts):.0%}", part=numerator, whole=denominator)


ABSOLUTE_BOUNDS: Final = (
    AbsoluteBound(
        "shoppers", "max_shopper_events", "rows", 0.5, 0.9, "one shopper has {share} of all {whole:,} events"
    ),
    AbsoluteBound("items", "max_item_events", "rows", 0.6, 0.95, "one item has {share} of all {whole:,} events"),
    AbsoluteBound(
        "items",
        "items",
        "rows",
        0.95,
        0.99,
        "{part:,} items for {whole:,} events: each has its own item",
        min_rows=1_000,
    ),
    AbsoluteBound("duplicates", "duplicate", "candidates", 0.5, 0.9, "{part:,} of {whole:,} rows repeat an event id"),
    AbsoluteBound("event_types", "returns", "rows", 0.5, 0.99, "{part:,} of {whole:,} events are returns"),
    AbsoluteBound("prices", "zero_prices", "priced", 0.9, 0.999, "{part:,} of {whole:,} prices are 0"),
    AbsoluteBound("moments", "old_events", "rows", 0.5, None, "{part:,} of {whole:,} events are older than two days"),
    AbsoluteBound(
        "moments", "same_time_events", "rows", 0.99, None, "{whole:,} events have only a few different times"
    ),
    AbsoluteBound(
        "sessions", "same_session_events", "rows", 0.5, 0.5, "{whole:,} events of many shoppers share one session id"
    ),
    AbsoluteBound(
        "quantities",
        "huge_quantities",
        "rows",
        1e-9,
        0.01,
        "{part:,} of {whole:,} events have a quantity over a million",
        min_rows=1,
        applies_with_history=True,
    ),
)


def add_derived_counts(counts: Counts) -> dict[str, float]:
    """Return the counts with two more: `same_time_events` and `same_session_events`, all events of a day or none."""
    rows = counts.get("rows", 0)
    has_few_times = counts.get("distinct_times", rows) < MIN_DISTINCT_TIMES * rows
    has_one_session = counts.get("sessions", 0) == 1 and counts.get("shoppers", 0) >= MIN_SESSION_SHOPPERS
    return {
        **counts,
        "same_time_events": rows * has_few_times,
        "same_session_events": counts.get("with_session", 0) * has_one_session,
    }
