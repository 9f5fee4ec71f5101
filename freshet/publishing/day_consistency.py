"""Compare the rows of the daily tables with the counts in the day records of `events`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from freshet.commands import materialize_command, partition_range
from freshet.errors import first_few
from freshet.publishing import gate_inputs
from freshet.store import Store
from freshet.tables import day_records, stale_days
from freshet.tables.day_records import DayEntry
from freshet.tables.schemas import EVENTS, Table

EVENT_TABLES_SELECTION: Final = "+items,+item_features,+user_features,+histories"
MAX_SHOWN_DAYS: Final = 3  # days named in a message


@dataclass(frozen=True)
class TableCounts:
    """The counts of a table per day, and the counts of `events` that they have to equal.

    counts: day → rows, events or items; unit: which of them. count_name, minus: counts in the record of `events`, whose
    difference is expected.
    """

    table: Table
    counts: Mapping[date, int]
    unit: str
    count_name: str = "rows"
    minus: str | None = None


def check_consistency(store: Store, tables: Sequence[TableCounts], until: date | None = None) -> dict[str, object]:
    """Return the profile columns `mismatched_days` (a count) and `mismatched_days_details` (which, and a fix).

    until: the last day to check.
    """
    events = {
        day: entry for day, entry in day_records.visible_entries(store, EVENTS.name).items() if _is_in_range(day, until)
    }
    mismatches = sorted(
        (day, reason) for table_counts in tables for day, reason in _mismatches(store, table_counts, events, until)
    )
    days = sorted({day for day, _ in mismatches})
    return {"mismatched_days": len(days), "mismatched_days_details": _describe([why for _, why in mismatches], days)}


def _mismatches(
    store: Store, table_counts: TableCounts, events: Mapping[date, DayEntry], until: date | None
) -> list[tuple[date, str]]:
    table_entries = day_records.visible_entries(store, table_counts.table.name)
    records = {day: entry.record for day, entry in events.items()}
    mismatches = []
    for day in sorted({*events, *(day for day in table_counts.counts if _is_in_range(day, until))}):
        expected = gate_inputs.expected_counts(records, [day], table_counts.count_name, table_counts.minus)[day]
        count, name = table_counts.counts.get(day, 0), table_counts.table.name
        if count != expected:
            mismatches.append((day, f"{name} {day} hold {count} {table_counts.unit} where events published {expected}"))
        elif expected and day in table_entries and stale_days.is_stale(table_entries[day], {EVENTS.name: events[day]}):
            mismatches.append((day, f"{name} {day} were made from events that have been published again since"))
    return mismatches


def _is_in_range(day: date, until: date | None) -> bool:
    return until is None or day <= until


def _describe(reasons: Sequence[str], days: Sequence[date]) -> str:
    if not reasons:
        return "nothing"
    command = materialize_command(EVENT_TABLES_SELECTION, partition_range(days))
    return f"{first_few(reasons, MAX_SHOWN_DAYS, '; ')}; run {command}"
