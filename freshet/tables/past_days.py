"""The profile of `events` with what a comparison with the days before says beside it."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame

from freshet import days as day_records
from freshet.gates.rules import Rule
from freshet.past.acceptance import acceptances
from freshet.past.comparison import Comparison, Met, Terms, compare
from freshet.past.usual import History
from freshet.settings import Settings
from freshet.store import Store
from freshet.tables import lake
from freshet.tables.composition import Composition, composition
from freshet.tables.schemas import ITEMS, USER_FEATURES, Table

if TYPE_CHECKING:
    import pandas as pd

COVERED = 0.8  # of the days before: only where the tables made from events have as many is "never met" a finding


def with_past(
    profile: "pd.DataFrame", events: DataFrame, rules: Sequence[Rule], settings: Settings, store: Store, today: date
) -> "pd.DataFrame":
    """The profile with what its days are made of and, per truth, `<truth>_off` (a factor) and `<truth>_says`.

    events: the staged rows. rules: those of the gate; a day that breaks another one of them is no past of the next.
    """
    days = list(profile.index)
    published = _published(store, days, settings.usual_days)
    before = {table.name: _covered(store, table, published) for table in (ITEMS, USER_FEATURES)}
    parts = composition(events, _rows(events, ITEMS, before), _rows(events, USER_FEATURES, before))
    profile = _joined(profile, parts)
    rows: dict[date, dict[str, Any]] = profile.to_dict("index")  # type: ignore[assignment]
    own = [rule for rule in rules if rule.column in profile.columns]
    terms = Terms(settings.limits, settings.usual_days, acceptances(store), today)
    compared = compare(
        {day: _numbers(row) for day, row in rows.items()},
        published,
        _met(parts, {name: days is not None for name, days in before.items()}),
        terms,
        sound=lambda day: not any(rule.stops(rows[day]) for rule in own),
    )
    return _beside(profile, compared)


def _published(store: Store, days: Sequence[date], back: int) -> History:
    """The counts of the days published with rows around the stage, up to its last day, those of the stage left out.

    They reach `back` days behind the last one published before the stage, however many were refused since.
    """
    start = min(days)
    last = next(day_records.published(store, "events", until=start - timedelta(days=1)), start)
    first = min(last + timedelta(days=1), start) - timedelta(days=back)
    around = {first + timedelta(days=n) for n in range((max(days) - first).days)} - set(days)
    records = day_records.read(store, "events", around)
    return {d: r.counts for d, r in records.items() if r.verdict == "published" and r.counts["rows"] > 0}


def _covered(store: Store, table: Table, published: History) -> list[date] | None:
    """The published days that the table has; None where it lacks too many to say what was met before."""
    records = day_records.read(store, table.name, published)
    covered = [day for day, record in records.items() if record.verdict == "published"]
    return covered if len(covered) >= COVERED * len(published) else None


def _rows(events: DataFrame, table: Table, days: Mapping[str, list[date] | None]) -> DataFrame:
    own = days[table.name]
    return lake.published(events.sparkSession, table, own) if own else lake.nothing(events.sparkSession, table)


def _met(parts: Composition, known: Mapping[str, bool]) -> Met:
    goods = {"item_events": parts.item_events, "renamed_items": parts.renamed_items} if known[ITEMS.name] else {}
    return Met(**goods, users=parts.users if known[USER_FEATURES.name] else {})


def _joined(profile: "pd.DataFrame", parts: Composition) -> "pd.DataFrame":
    counts = parts.counts.reindex(profile.index).fillna(0).astype("int64")
    return profile.drop(columns=[name for name in counts.columns if name in profile]).join(counts)


def _beside(profile: "pd.DataFrame", compared: Mapping[date, Comparison]) -> "pd.DataFrame":
    import pandas as pd

    rows = {
        day: {
            **one.counts,
            **{f"{truth}_off": off for truth, off in one.off.items()},
            **{f"{truth}_says": says for truth, says in one.says.items()},
            "accepted": int(one.accepted),
        }
        for day, one in compared.items()
    }
    beside = pd.DataFrame.from_dict(rows, orient="index").reindex(profile.index)
    counts = sorted({name for one in compared.values() for name in one.counts})
    # Only a day with events has them: counts of the others are empty, which no integer can be.
    beside[counts] = beside[counts].astype("float64").fillna(0).astype("int64")
    return profile.join(beside)


def _numbers(row: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in row.items() if isinstance(value, int | float)}
