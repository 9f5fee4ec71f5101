"""Two stretches of days side by side: every column's score against what is usual for it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from freshet.columns import LANDING_DATE
from freshet.watch.columns import COLUMNS, bands_of, compared
from freshet.watch.evidence import scores
from freshet.watch.params import DriftParams
from freshet.watch.shift import shares_of, usual
from freshet.watch.verdict import ColumnDrift, columns_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Side:
    """One stretch of days: rows of the tables `events` and `user_features`, see `columns.compared`."""

    events: "pd.DataFrame"
    user_features: "pd.DataFrame"


def compare_columns(
    reference: Side, fresh: Side, params: DriftParams, page: Path | None = None
) -> tuple[ColumnDrift, ...]:
    """The table of columns, what is nearest to its limit first. page: where Evidently's HTML goes."""
    bands = bands_of(reference.events)
    before, after = (compared(side.events, side.user_features, bands) for side in (reference, fresh))
    habit = usual(before, COLUMNS, fresh.events[LANDING_DATE].nunique())
    limits = {name: max(params.limit, params.slack * habit[name]) for name in COLUMNS}
    shares = {name: (dict(shares_of(before[name])), dict(shares_of(after[name]))) for name in COLUMNS}
    return columns_of(scores(before, after, limits, page), limits, shares)
