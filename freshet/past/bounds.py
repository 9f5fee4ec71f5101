"""What no past is needed for: days that are wrong in any shop."""

from dataclasses import dataclass
from typing import Final

from freshet.past.figures import Counts

YOUNG: Final = 500  # rows; below, a young shop may be a person who tries it out


@dataclass(frozen=True)
class Bound:
    """A share of a day's counts from which it is warned of, and one from which it is refused (None: never).

    always: it is judged where the past is known, too; else only in a shop too young to have one.
    """

    truth: str
    part: str
    whole: str
    warn: float
    refuse: float | None
    says: str
    least: int = YOUNG
    always: bool = False

    def share(self, counts: Counts) -> float:
        """The share; 0 where there are too few rows to tell."""
        whole = counts.get(self.whole, 0)
        return counts.get(self.part, 0) / whole if whole >= self.least else 0.0

    def text(self, counts: Counts) -> str:
        """What is wrong with the day, for people."""
        part, whole = int(counts[self.part]), int(counts[self.whole])
        return self.says.format(share=f"{self.share(counts):.0%}", part=part, whole=whole)


BOUNDS: Final = (
    Bound("shoppers", "largest_shopper", "rows", 0.5, 0.9, "one shopper has {share} of all {whole:,} events"),
    Bound("items", "largest_item", "rows", 0.6, 0.95, "one item has {share} of all {whole:,} events"),
    Bound("items", "items", "rows", 0.95, 0.99, "{part:,} items for {whole:,} events: an item for each", least=1_000),
    Bound("duplicates", "duplicate", "candidates", 0.5, 0.9, "{part:,} of {whole:,} rows repeat an event id"),
    Bound("event_types", "returns", "rows", 0.5, 0.99, "{part:,} of {whole:,} events are returns"),
    Bound("prices", "free", "priced", 0.9, 0.999, "{part:,} of {whole:,} prices are 0"),
    Bound("moments", "late", "rows", 0.5, None, "{part:,} of {whole:,} events are older than two days"),
    Bound("moments", "crowded", "rows", 0.99, None, "{whole:,} events share a handful of times"),
    Bound("sessions", "one_session", "rows", 0.5, 0.5, "{whole:,} events of many shoppers share one session id"),
    Bound("quantities", "huge_quantities", "rows", 1e-9, 0.01,
          "{part:,} of {whole:,} events have a quantity over a million", least=1, always=True),
)  # fmt: skip


def with_conditions(counts: Counts) -> dict[str, float]:
    """The counts with what bounds ask for beside them: `crowded` and `one_session`, rows or none."""
    rows = counts.get("rows", 0)
    crowded = counts.get("instants", rows) < 0.01 * rows
    one_session = counts.get("sessions", 0) == 1 and counts.get("shoppers", 0) >= 10
    return {**counts, "crowded": rows * crowded, "one_session": counts.get("with_session", 0) * one_session}
