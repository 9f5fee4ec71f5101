"""What serves: the bundle that the journal's last entry names."""

from dataclasses import dataclass
from pathlib import Path

from freshet.errors import FreshetError, JournalError
from freshet.inference.bundle import Bundle, open_bundle
from freshet.releases.journal import JournalEntry, bundle_path, champion_entry, rollback_advice
from freshet.releases.journal_files import entry_path
from freshet.store import Store


@dataclass(frozen=True)
class Release:
    """A journal entry and the bundle it names, verified."""

    entry: JournalEntry
    bundle: Bundle


def current_release(store: Store, cache: Path) -> Release | None:
    """What serves now, None before the first release.

    cache: where bundles of a remote lake are kept on this machine. Raises JournalError when the journal is broken or
    its bundle is gone or corrupt, with the rollback to type.
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
    """A bundle of the lake, verified. Raises LakeError when it is gone, BundleError when it is corrupt."""
    return open_bundle(store.fetch_folder(bundle_path(bundle_id), cache.expanduser()), bundle_id)
