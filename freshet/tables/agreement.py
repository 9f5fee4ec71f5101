"""What the daily tables hold, held day by day against what the records of `events` say was published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from freshet import days as day_records
from freshet.commands import day_range, materialize
from freshet.days import Entry
from freshet.store import Store
from freshet.tables import facts
from freshet.tables.schemas import EVENTS, Table

MADE_FROM_EVENTS: Final = "+items,+item_features,+user_features,+histories"
SHOWN: Final = 3  # days named in a finding


@dataclass(frozen=True)
class Holding:
    """What a table holds of each day, and which count of the events of that day it must be.

    counts: day → rows, events or items; unit: which of them. what − less: counts in the record of `events`.
    """

    table: Table
    counts: Mapping[date, int]
    unit: str
    what: str = "rows"
    less: str | None = None


def agreement(store: Store, holdings: Sequence[Holding], until: date | None = None) -> dict[str, object]:
    """Columns of a profile: `days_off`, how many days disagree with their events; `days_off_why`, which and what to do.

    until: the last day that is looked at.
    """
    events = {day: entry for day, entry in day_records.visible(store, EVENTS.name).items() if _within(day, until)}
    found = sorted((day, why) for holding in holdings for day, why in _disagreements(store, holding, events, until))
    days = sorted({day for day, _ in found})
    return {"days_off": len(days), "days_off_why": _told([why for _, why in found], days)}


def _disagreements(
    store: Store, holding: Holding, events: Mapping[date, Entry], until: date | None
) -> list[tuple[date, str]]:
    own = day_records.visible(store, holding.table.name)
    records = {day: entry.record for day, entry in events.items()}
    found = []
    for day in sorted({*events, *(day for day in holding.counts if _within(day, until))}):
        expected = facts.expected(records, [day], holding.what, holding.less)[day]
        count, name = holding.counts.get(day, 0), holding.table.name
        if count != expected:
            found.append((day, f"{name} {day} hold {count} {holding.unit} where events published {expected}"))
        elif expected and _is_older(own.get(day), events[day]):
            found.append((day, f"{name} {day} were made from events that have been published anew since"))
    return found


def _is_older(own: Entry | None, events: Entry) -> bool:
    """Whether its record names another attempt of events; records of an older Freshet name none."""
    source = None if own is None else own.record.sources.get(EVENTS.name)
    return source is not None and source != events.attempt


def _within(day: date, until: date | None) -> bool:
    return until is None or day <= until


def _told(findings: Sequence[str], days: Sequence[date]) -> str:
    if not findings:
        return "nothing"
    more = f"; and {len(findings) - SHOWN} more" if len(findings) > SHOWN else ""
    return f"{'; '.join(findings[:SHOWN])}{more}; run {materialize(MADE_FROM_EVENTS, day_range(days))}"
