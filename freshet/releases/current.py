"""What serves: the bundle that the journal's last entry names."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from freshet.data.columns import EVENT_TYPE_CODES, EventType
from freshet.data.history import Histories
from freshet.data.vocabulary import Vocabulary
from freshet.errors import FreshetError, JournalError
from freshet.inference.bundle import Bundle, open_bundle
from freshet.releases.journal import JournalEntry, bundle_path, champion_entry, rollback_advice
from freshet.releases.journal_files import entry_path
from freshet.store import Store

HistoryEvent = tuple[str, str, int, int]  # item id, event type, seconds since 1970, landing day since 1970


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


def to_history(events: Sequence[HistoryEvent], vocabulary: Vocabulary) -> Histories:
    """One shopper's events, oldest first, as a history in the bundle's own indexes."""
    return to_histories([events], vocabulary)


def to_histories(events_by_shopper: Sequence[Sequence[HistoryEvent]], vocabulary: Vocabulary) -> Histories:
    """The events of each of S shoppers, oldest first, as histories in the bundle's own indexes."""
    events = [event for shopper_events in events_by_shopper for event in shopper_events]
    return Histories(
        shoppers=np.array([""] * len(events_by_shopper)),
        offsets=np.cumsum([0, *map(len, events_by_shopper)], dtype=np.int64),
        items=vocabulary.trained_indices([item for item, _, _, _ in events]),
        types=np.array([EVENT_TYPE_CODES[kind] for _, kind, _, _ in events], dtype=np.int64),
        times=np.array([time for _, _, time, _ in events], dtype=np.int64),
        days=np.array([day for _, _, _, day in events], dtype=np.int64),
    )


def items_as_events(item_ids: Sequence[str], event_type: EventType) -> list[HistoryEvent]:
    """Items met one after the other, a minute apart: what `--items` means.

    event_type: the bundle's own, for a model that has seen purchases only makes nothing of a view.
    """
    return [(item, event_type, 60 * number, 0) for number, item in enumerate(item_ids)]
