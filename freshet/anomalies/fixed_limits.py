"""What no past is needed for: days that are wrong in any shop."""

from dataclasses import dataclass
from typing import Final

from freshet.anomalies.metrics import Counts

MIN_BOUND_ROWS: Final = 500  # rows; below, a young shop may be a person who tries it out


@dataclass(frozen=True)
class AbsoluteBound:
    """A share of a day's counts from which it is warned of, and one from which it is refused (None: never).

    always: it is judged where the past is known, too; else only in a shop too young to have one.
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
        """The share; 0 where there are too few rows to tell."""
        denominator = counts.get(self.denominator, 0)
        return counts.get(self.numerator, 0) / denominator if denominator >= self.min_rows else 0.0

    def describe(self, counts: Counts) -> str:
        """What is wrong with the day, for people."""
        numerator, denominator = int(counts[self.numerator]), int(counts[self.denominator])
        return self.message.format(share=f"{self.share(counts):.0%}", part=numerator, whole=denominator)


ABSOLUTE_BOUNDS: Final = (
    AbsoluteBound(
        "shoppers", "max_shopper_events", "rows", 0.5, 0.9, "one shopper has {share} of all {whole:,} events"
    ),
    AbsoluteBound("items", "max_item_events", "rows", 0.6, 0.95, "one item has {share} of all {whole:,} events"),
    AbsoluteBound(
        "items", "items", "rows", 0.95, 0.99, "{part:,} items for {whole:,} events: an item for each", min_rows=1_000
    ),
    AbsoluteBound("duplicates", "duplicate", "candidates", 0.5, 0.9, "{part:,} of {whole:,} rows repeat an event id"),
    AbsoluteBound("event_types", "returns", "rows", 0.5, 0.99, "{part:,} of {whole:,} events are returns"),
    AbsoluteBound("prices", "zero_prices", "priced", 0.9, 0.999, "{part:,} of {whole:,} prices are 0"),
    AbsoluteBound("moments", "old_events", "rows", 0.5, None, "{part:,} of {whole:,} events are older than two days"),
    AbsoluteBound("moments", "crowded", "rows", 0.99, None, "{whole:,} events share a handful of times"),
    AbsoluteBound(
        "sessions", "one_session", "rows", 0.5, 0.5, "{whole:,} events of many shoppers share one session id"
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
    """The counts with what bounds ask for beside them: `crowded` and `one_session`, rows or none."""
    rows = counts.get("rows", 0)
    is_crowded = counts.get("distinct_times", rows) < 0.01 * rows
    is_one_session = counts.get("sessions", 0) == 1 and counts.get("shoppers", 0) >= 10
    return {**counts, "crowded": rows * is_crowded, "one_session": counts.get("with_session", 0) * is_one_session}
