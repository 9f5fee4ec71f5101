"""Rollback: a new journal entry that releases an earlier bundle again in place of the current one."""

from datetime import datetime
from pathlib import Path

from freshet.errors import JournalError
from freshet.releases.current import fetch_bundle
from freshet.releases.holds import hold_releases
from freshet.releases.journal import (
    JournalEntry,
    append_entry,
    entry_count,
    previous_release,
    read_entry,
    readable_entries,
)
from freshet.releases.journal_files import JOURNAL_FOLDER
from freshet.store import Store


def roll_back(
    store: Store, cache: Path, to: int | None, why: str, by: str, now: datetime, *, hold: bool = False
) -> tuple[JournalEntry, JournalEntry]:
    """Release the bundle of release `to` again; None means the newest earlier bundle that was not rolled back.

    hold: also hold releases; the hold is written first, so that no release comes between. The bundle is verified first.
    Returns the rollback's entry and the target release. Raises JournalError if there is no such release or another
    process wrote to the journal meanwhile, BundleError if the bundle is damaged.
    """
    last_number = entry_count(store)
    target = _rollback_target(store, last_number, to)
    fetch_bundle(store, target.bundle, cache)
    if hold:
        champion_id = [entry.bundle for entry in readable_entries(store, last_number) if entry.is_release][-1]
        last_number = max(last_number, hold_releases(store, last_number, champion_id, why, by, now).number)
    entry = JournalEntry(
        number=last_number + 1,
        decided_on=last_number,
        kind="rollback",
        bundle=target.bundle,
        verdict=f"Rolled back to the bundle of release {target.number}.",
        why=why,
        metrics=target.metrics,
        at=now,
        by=by,
    )
    append_entry(store, entry)
    return entry, target


def _rollback_target(store: Store, last_number: int, to: int | None) -> JournalEntry:
    """Return release `to`, or the newest earlier one with another bundle."""
    where = store.full_path(JOURNAL_FOLDER)
    if to is None:
        target = previous_release(store, last_number) if last_number else None
        if target is None:
            fix = "see `freshet releases`; `--to NUMBER` also goes back to a bundle that was rolled back"
            raise JournalError(where, "there is no earlier bundle to go back to", fix)
        return target
    if not 1 <= to <= last_number:
        raise JournalError(
            where, f"there is no release {to}, the last is {last_number}", "choose one from `freshet releases`"
        )
    entry = read_entry(store, to)
    if not entry.is_release:
        raise JournalError(where, f"{entry.title} is not a release", "choose one from `freshet releases`")
    return entry
