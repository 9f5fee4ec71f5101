"""Stale days: days of a daily table made from an older attempt of an upstream table, by the day records alone."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta
from typing import Final

from freshet.store import Store
from freshet.tables import day_records
from freshet.tables.day_records import DayEntry

# Daily table → its upstream tables.
UPSTREAM_TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "quarantined_events": ("raw_events",),
    "events": ("raw_events", "quarantined_events"),
    "items": ("events",),
    "item_features": ("events",),
    "user_features": ("events",),
    "histories": ("events",),
}


def upstream_attempts(store: Store, table: str, days: Collection[date]) -> dict[date, dict[str, str]]:
    """Return day → upstream table → its latest attempt: the inputs of a day that is made now."""
    upstream = _upstream_entries(store, table, set(days))
    return {day: {name: entries[day].attempt for name, entries in upstream.items() if day in entries} for day in days}


def stale_days(store: Store, table: str, days: Iterable[date] | None = None) -> list[date]:
    """Return the days of `table` that have to be rebuilt, in order; only among `days` if given.

    A day is stale if one of its upstream tables was published again since, or if they were published and the table was
    not run for the day. A day is not stale while it cannot be made (see `ready_days`), nor if its record does not name
    its upstream attempts: an older Freshet wrote it.
    """
    day_set = None if days is None else set(days)
    entries = day_records.latest_entries(store, table, day_set)
    upstream = _upstream_entries(store, table, day_set)
    return [
        day
        for day in sorted(_ready_days(upstream))
        if is_stale(entries.get(day), {n: e[day] for n, e in upstream.items()})
    ]


def ready_days(store: Store, table: str, days: Collection[date]) -> set[date]:
    """Return the days that can be made: no upstream table was refused, and each was made from the others' latest."""
    return _ready_days(_upstream_entries(store, table, set(days)))


def days_around(days: Collection[date], n_days: int) -> set[date]:
    """Return the days themselves and those up to `n_days` days before and after each."""
    return {day + timedelta(days=n) for day in days for n in range(-n_days, n_days + 1)}


def days_after(days: Collection[date], n_days: int) -> set[date]:
    """Return the days up to `n_days` days after each, without the days themselves."""
    return {day + timedelta(days=n) for day in days for n in range(1, n_days + 1)} - set(days)


def _upstream_entries(store: Store, table: str, days: set[date] | None) -> dict[str, dict[date, DayEntry]]:
    return {name: day_records.latest_entries(store, name, days) for name in UPSTREAM_TABLES.get(table, ())}


def _ready_days(upstream: Mapping[str, Mapping[date, DayEntry]]) -> set[date]:
    common_days = set.intersection(*(set(entries) for entries in upstream.values()))
    return {day for day in common_days if _is_consistent({name: entries[day] for name, entries in upstream.items()})}


def _is_consistent(entries: Mapping[str, DayEntry]) -> bool:
    """Whether no table of the day was refused, and each was made from the latest attempt of the others."""
    return all(
        entry.record.verdict != "refused"
        and all(entries[name].attempt == attempt for name, attempt in entry.record.sources.items() if name in entries)
        for entry in entries.values()
    )


def is_stale(entry: DayEntry | None, upstream: Mapping[str, DayEntry]) -> bool:
    """Return whether a day has no record, or was made from another attempt of an upstream table than the latest.

    A record of an earlier version that names no attempt is not stale.
    """
    if entry is None:
        return True
    return any(upstream[name].attempt != attempt for name, attempt in entry.record.sources.items() if name in upstream)
