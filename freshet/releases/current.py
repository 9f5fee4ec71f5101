"""The current release: the bundle that the journal's last entry names, fetched and verified."""

from dataclasses import dataclass
from pathlib import Path

from freshet.errors import FreshetError, JournalError
from freshet.inference.bundle import Bundle, open_bundle
from freshet.releases.journal import JournalEntry, bundle_path, champion_entry, rollback_advice
from freshet.releases.journal_files import entry_path
from freshet.store import Store


@dataclass(frozen=True)
class Release:
    """A journal entry and its verified bundle."""

    entry: JournalEntry
    bundle: Bundle


def current_release(store: Store, cache: Path) -> Release | None:
    """Return the current release, None before the first one.

    cache: local folder for bundles of a remote lake. Raises JournalError with the rollback to run if the journal is
    broken, or the bundle is gone or corrupt.
    """
    entry = champion_entry(store)
    if entry is None:
        return None
    try:
        return Release(entry, fetch_bundle(store, entry.bundle, cache))
    except FreshetError as error:
        what = f"its bundle {entry.bundle[:12]} does not load ({error.where}: {error.what})"
        raise JournalError(
            store.full_path(entry_path(entry.number)), what, rollback_advice(store, entry.number)
        ) from error


def fetch_bundle(store: Store, bundle_id: str, cache: Path) -> Bundle:
    """Return a verified bundle of the lake. Raises LakeError if it is gone, BundleError if it is corrupt."""
    return open_bundle(store.fetch_folder(bundle_path(bundle_id), cache.expanduser()), bundle_id)
