"""A rollback: one new line in the journal that makes an earlier bundle the champion again."""

from datetime import datetime
from pathlib import Path

from freshet.errors import JournalError
from freshet.live.journal import FOLDER, Entry, append, earlier, length, read_entry
from freshet.live.released import fetch_bundle
from freshet.store import Store


def roll_back(store: Store, cache: Path, to: int | None, why: str, by: str, now: datetime) -> tuple[Entry, Entry]:
    """Serve the bundle of release `to` again; `to` None: the newest bundle before the one that serves.

    Returns the new entry and the one gone back to. The bundle is verified first. Raises JournalError where there is no
    such release or another process wrote to the journal meanwhile, BundleError where the bundle is damaged.
    """
    last = length(store)
    target = _target(store, last, to)
    fetch_bundle(store, target.bundle, cache)
    entry = Entry(
        number=last + 1,
        decided_on=last,
        kind="rollback",
        bundle=target.bundle,
        verdict=f"Rolled back to the bundle of release {target.number}.",
        why=why,
        metrics=target.metrics,
        at=now,
        by=by,
    )
    append(store, entry)
    return entry, target


def _target(store: Store, last: int, to: int | None) -> Entry:
    """The release to go back to: the one asked for, else the newest with another bundle than the last."""
    where = store.where(FOLDER)
    if to is not None and not 1 <= to <= last:
        raise JournalError(where, f"there is no release {to}, the last is {last}", "choose one from `freshet releases`")
    target = read_entry(store, to) if to is not None else earlier(store, last) if last else None
    if target is None:
        raise JournalError(where, "there is no earlier bundle to go back to", "see `freshet releases`")
    return target
