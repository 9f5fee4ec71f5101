"""The figures by which a day is compared with its past, each a quotient or a share of the counts of its profile."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Counts = Mapping[str, float]
Side = Literal["low", "high", "both"]

ENOUGH: Final = 100  # rows; a share of fewer says little
SMOOTHING: Final = 3  # rows: a share of few rows is as uncertain as that


@dataclass(frozen=True)
class Figure:
    """One number of a day. `whole` None: the count itself.

    side: which direction is wrong. share: whether it is a share of a whole (0 to 1), compared by its odds; `slack` is
    the share that never counts. needs: the count of which a day must have `least`. weekly: whether days of the week
    differ in it. part_of_day: whether a day that is not over has less of it.
    """

    truth: str
    name: str
    part: str
    whole: str | None = None
    side: Side = "both"
    share: bool = True
    slack: float = 0.01
    needs: str | None = "rows"
    least: int = ENOUGH
    scale: float = 1
    weekly: bool = False
    part_of_day: bool = False

    def value(self, counts: Counts) -> float:
        """The figure of a day; NaN where there is too little to tell."""
        if self.part not in counts or (self.whole is not None and self.whole not in counts):
            return math.nan
        if self.needs is not None and counts.get(self.needs, 0) < self.least:
            return math.nan
        part = counts[self.part] * self.scale
        if self.whole is None:
            return part
        return part / counts[self.whole] if counts[self.whole] > 0 else math.nan

    def distance(self, value: float, usual: float, counts: Counts) -> float:
        """How far a value is from the usual one, as a logarithm: log 2 = twice; 0 on the harmless side."""
        if (self.side == "low" and value >= usual) or (self.side == "high" and value <= usual):
            return 0.0
        if not self.share:
            return abs(_log(value / usual)) if value > 0 and usual > 0 else (0.0 if value == usual else math.log(FAR))
        slack = self.slack + SMOOTHING / max(counts[self.whole or self.part], 1)
        up, down = _log((value + slack) / (usual + slack)), _log((1 - value + slack) / (1 - usual + slack))
        return max(abs(up), abs(down))

    def text(self, value: float) -> str:
        """The value for people."""
        if self.share:
            return f"{value:.1%}"
        return f"{value:,.0f}" if self.whole is None and self.scale == 1 else f"{value:,.2f}"


FAR: Final = 999.0  # a factor that stands for "nothing like it"


def _log(quotient: float) -> float:
    return math.log(min(max(quotient, 1 / FAR), FAR))


FIGURES: Final = (
    Figure("volume", "events", "rows", needs=None, share=False, weekly=True, part_of_day=True),
    Figure("volume", "hours with events", "hours", needs=None, side="low", share=False, weekly=True, part_of_day=True),
    Figure("skipped", "skipped rows", "skipped", "landed", needs="landed", side="high"),
    Figure("duplicates", "duplicate rows", "duplicate", "landed", needs="landed", side="high"),
    Figure("event_types", "views", "views", "rows", slack=0.005),
    Figure("event_types", "carts", "carts", "rows", slack=0.005),
    Figure("event_types", "purchases", "purchases", "rows", slack=0.005),
    Figure("event_types", "returns", "returns", "rows", side="high", slack=0.05),
    Figure("users", "events with a user", "with_user", "rows", side="low", slack=0.05),
    Figure("users", "users met before", "known_users", "compared_users", side="low", slack=0.05,
           needs="users", least=30),
    Figure("shoppers", "events of one shopper", "largest_shopper", "rows", side="high", slack=0.05),
    Figure("shoppers", "events a shopper", "rows", "shoppers", share=False),
    Figure("sessions", "events with a session", "with_session", "rows", slack=0.05),
    Figure("sessions", "events a session", "with_session", "sessions", share=False),
    Figure("items", "events on items met before", "known_events", "compared_events", side="low", slack=0.05),
    Figure("items", "events on one item", "largest_item", "rows", side="high", slack=0.05),
    Figure("item_names", "items with another name", "renamed_items", "titled_items", side="high", slack=0.03),
    Figure("item_names", "items with a name", "titled_items", "items", side="low", slack=0.05),
    Figure("prices", "median price", "median_price", needs="priced", share=False, scale=1e-4),
    Figure("prices", "events with a price", "priced", "rows", slack=0.05),
    Figure("prices", "events at price 0", "free", "priced", needs="priced", side="high", slack=0.03),
    Figure("moments", "events older than two days", "late", "rows", side="high", slack=0.03),
    Figure("moments", "different times an event", "instants", "rows", side="low", share=False),
)  # fmt: skip
