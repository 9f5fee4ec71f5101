"""Which days of a daily table were made from an older attempt of the tables before it, from the day records alone."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta
from typing import Final

from freshet import days as day_records
from freshet.days import Entry
from freshet.store import Store

# Daily table → the tables that a day of it is made from.
UPSTREAM: Final[Mapping[str, tuple[str, ...]]] = {
    "quarantined_events": ("raw_events",),
    "events": ("raw_events", "quarantined_events"),
    "items": ("events",),
    "item_features": ("events",),
    "user_features": ("events",),
    "histories": ("events",),
}


def sources(store: Store, table: str, days: Collection[date]) -> dict[date, dict[str, str]]:
    """Day → upstream table → its latest attempt: what a day that is made now is made from."""
    upstream = _upstream(store, table, set(days))
    return {day: {name: own[day].attempt for name, own in upstream.items() if day in own} for day in days}


def stale_days(store: Store, table: str, days: Iterable[date] | None = None) -> list[date]:
    """The days of `table` that have to be made again, in order; of the given days only, where given.

    A day is stale if one of its upstream tables was published again since, or if they were published and the table
    never got to it. A day is not stale while it cannot be made (see `ready`), nor where its record does not say what
    it was made from: an older Freshet wrote it.
    """
    asked = None if days is None else set(days)
    own = day_records.latest(store, table, asked)
    upstream = _upstream(store, table, asked)
    return [
        day for day in sorted(_ready(upstream)) if _is_older(own.get(day), {n: e[day] for n, e in upstream.items()})
    ]


def ready(store: Store, table: str, days: Collection[date]) -> set[date]:
    """The days that can be made: every upstream table was published last, and from the latest attempt of the others."""
    return _ready(_upstream(store, table, set(days)))


def around(days: Collection[date], reach: int) -> set[date]:
    """The days themselves and those up to `reach` days before and after each."""
    return {day + timedelta(days=n) for day in days for n in range(-reach, reach + 1)}


def after(days: Collection[date], reach: int) -> set[date]:
    """The days up to `reach` days after each, without the days themselves."""
    return {day + timedelta(days=n) for day in days for n in range(1, reach + 1)} - set(days)


def _upstream(store: Store, table: str, days: set[date] | None) -> dict[str, dict[date, Entry]]:
    return {name: day_records.latest(store, name, days) for name in UPSTREAM.get(table, ())}


def _ready(upstream: Mapping[str, Mapping[date, Entry]]) -> set[date]:
    everywhere = set.intersection(*(set(entries) for entries in upstream.values()))
    return {day for day in everywhere if _fits({name: entries[day] for name, entries in upstream.items()})}


def _fits(entries: Mapping[str, Entry]) -> bool:
    """Whether no table of the day was refused, and what each says of another's attempt is so now."""
    return all(
        entry.record.verdict != "refused"
        and all(entries[name].attempt == made for name, made in entry.record.sources.items() if name in entries)
        for entry in entries.values()
    )


def _is_older(own: Entry | None, upstream: Mapping[str, Entry]) -> bool:
    if own is None:
        return True
    return any(upstream[name].attempt != made for name, made in own.record.sources.items() if name in upstream)
