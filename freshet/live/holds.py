"""A hold: a person stops releases. What serves goes on serving, and models are made and judged, until they resume."""

from collections.abc import Sequence
from datetime import datetime

from freshet.errors import JournalError
from freshet.live.journal import Entry, Kind, append, length, readable, serving
from freshet.live.journal_files import FOLDER
from freshet.store import Store

RESUME = "`freshet release --resume`"


def held(entries: Sequence[Entry]) -> Entry | None:
    """The hold in force; None where releases are open. entries: the journal's, oldest first."""
    last = next((entry for entry in reversed(entries) if not entry.is_release), None)
    return last if last is not None and last.kind == "hold" else None


def hold_sentence(hold: Entry) -> str:
    """`releases are held by ann since 2026-11-28 09:30 UTC: conversion fell`."""
    return f"releases are held by {hold.by} since {hold.at:%Y-%m-%d %H:%M} UTC: {hold.why}"


def hold_releases(store: Store, last: int, bundle: str, why: str, by: str, now: datetime) -> Entry:
    """Stop releases from here on. last: the entry that this is decided on. bundle: what serves, named again.

    Returns the new entry, or the hold that is in force already. Raises JournalError where another process wrote to the
    journal meanwhile.
    """
    hold = held(readable(store, last))
    return hold or _write(store, "hold", last, bundle, "Releases are held.", why, by, now)


def resume_releases(store: Store, why: str, by: str, now: datetime) -> tuple[Entry, Entry]:
    """End the hold; returns the new entry and the hold.

    Raises JournalError where there is none, or another process wrote to the journal meanwhile.
    """
    last = length(store)
    hold, serves = held(readable(store, last)), serving(store)
    if hold is None or serves is None:
        raise JournalError(store.where(FOLDER), "releases are not held", "there is nothing to resume")
    verdict = f"Releases are open again, {hold.by} held them."
    return _write(store, "resume", last, serves.bundle, verdict, why, by, now), hold


def _write(store: Store, kind: Kind, last: int, bundle: str, verdict: str, why: str, by: str, now: datetime) -> Entry:
    """The entry names what serves once more, for readers that do not know its kind."""
    entry = Entry(
        number=last + 1, decided_on=last, kind=kind, bundle=bundle, verdict=verdict, why=why, at=now, by=by
    )  # fmt: skip
    append(store, entry)
    return entry
