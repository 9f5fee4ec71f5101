"""Holds: a person stops releases until they are resumed; training, evaluation and serving continue."""

from collections.abc import Sequence
from datetime import datetime

from freshet.errors import JournalError
from freshet.releases.journal import (
    EntryKind,
    JournalEntry,
    append_entry,
    entry_count,
    last_release_entry,
    readable_entries,
)
from freshet.releases.journal_files import JOURNAL_FOLDER
from freshet.store import Store

RESUME_COMMAND = "`freshet release --resume`"


def hold_in_force(entries: Sequence[JournalEntry]) -> JournalEntry | None:
    """Return the hold in force, None if releases are open. entries: the journal's, oldest first."""
    last_entry = next((entry for entry in reversed(entries) if not entry.is_release), None)
    return last_entry if last_entry is not None and last_entry.kind == "hold" else None


def hold_sentence(hold: JournalEntry) -> str:
    """`releases are held by ann since 2026-11-28 09:30 UTC: conversion fell`."""
    return f"releases are held by {hold.by} since {hold.at:%Y-%m-%d %H:%M} UTC: {hold.why}"


def hold_releases(store: Store, last_number: int, bundle_id: str, why: str, by: str, now: datetime) -> JournalEntry:
    """Stop releases; return the new entry, or the hold that is already in force.

    last_number: the entry that this is decided on. bundle_id: the released bundle. Raises JournalError if another
    process wrote to the journal meanwhile.
    """
    active = hold_in_force(readable_entries(store, last_number))
    return active or _append_entry(store, "hold", last_number, bundle_id, "Releases are held.", why, by, now)


def resume_releases(store: Store, why: str, by: str, now: datetime) -> tuple[JournalEntry, JournalEntry]:
    """End the hold; return the new entry and the hold.

    Raises JournalError if releases are not held, or another process wrote to the journal meanwhile.
    """
    last_number = entry_count(store)
    hold, champion = hold_in_force(readable_entries(store, last_number)), last_release_entry(store)
    if hold is None or champion is None:
        raise JournalError(store.full_path(JOURNAL_FOLDER), "releases are not held", "there is nothing to resume")
    verdict = f"Releases are open again, {hold.by} held them."
    return _append_entry(store, "resume", last_number, champion.bundle, verdict, why, by, now), hold


def _append_entry(
    store: Store, kind: EntryKind, last_number: int, bundle_id: str, verdict: str, why: str, by: str, now: datetime
) -> JournalEntry:
    """Write an entry that repeats the released bundle, for readers that do not know its kind."""
    entry = JournalEntry(
        number=last_number + 1,
        decided_on=last_number,
        kind=kind,
        bundle=bundle_id,
        verdict=verdict,
        why=why,
        at=now,
        by=by,
    )
    append_entry(store, entry)
    return entry
