"""Precomputed lists: the recommendations of all shoppers as of a day, for a gateway whose encoder fails or is busy.

One immutable folder of arrays, `recommendations/<sha256>`, read through memory maps like the latest histories. A list
is valid for the bundle that it was computed with, until the shopper has a new event.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freshet.artifacts import RecommendationsRef
from freshet.data.history_events import HistoryEvent
from freshet.inference.array_folder import load_published, open_array_folder, save_array_folder
from freshet.store import Store

LISTS_FOLDER: Final = "recommendations"  # also the name of the asset
REBUILD_FIX: Final = "materialize the asset `recommendations` again"
LIST_ARRAYS: Final = ("shoppers", "last_event_times", "items", "scores")
FORMER_ARRAY_NAMES: Final = {"until": "last_event_times"}  # of lists that earlier versions wrote


@dataclass(frozen=True)
class PrecomputedList:
    """One shopper's list, best first."""

    items: NDArray[np.int64]  # (k,) indexes in the vocabulary of the lists' bundle
    scores: NDArray[np.float32]  # (k,)


@dataclass(frozen=True)
class PrecomputedLists:
    """Lists of all shoppers with at least one known item, sorted by shopper."""

    id: str
    bundle_id: str  # the bundle that they were computed with, and whose vocabulary the items use
    as_of: date  # the last landing day of the histories
    shoppers: NDArray[np.bytes_]  # (S,) pseudonyms, ascending
    last_event_times: NDArray[np.int64]  # (S,) time of the last event in the history, seconds since 1970, UTC
    items: NDArray[np.int32]  # (S, k); 0 = empty slot
    scores: NDArray[np.float32]  # (S, k)

    def __len__(self) -> int:
        """Number of shoppers."""
        return len(self.shoppers)

    def for_shopper(self, shopper: str, bundle_id: str, events: list[HistoryEvent]) -> PrecomputedList | None:
        """Return the shopper's list; None if there is none, or it is of another bundle or older than `events`."""
        key = np.bytes_(shopper.encode())
        index = int(np.searchsorted(self.shoppers, key))
        if bundle_id != self.bundle_id or index == len(self.shoppers) or self.shoppers[index] != key:
            return None
        if not events or max(event.time for event in events) > self.last_event_times[index]:
            return None
        is_filled = self.items[index] > 0
        return PrecomputedList(self.items[index][is_filled].astype(np.int64), np.asarray(self.scores[index][is_filled]))


def save_precomputed_lists(arrays: dict[str, NDArray[Any]], bundle_id: str, as_of: date, folder: Path) -> str:
    """Write the arrays of `ARRAYS` and the manifest that seals them; the id is the manifest's hash."""
    return save_array_folder(
        {name: arrays[name] for name in LIST_ARRAYS}, {"bundle": bundle_id, "as_of": str(as_of)}, folder
    )


def open_precomputed_lists(folder: Path, expected_id: str) -> PrecomputedLists:
    """Return the lists in `folder`. Raises BundleError if a byte has changed, or the id is not `expected_id`."""
    metadata, arrays = open_array_folder(folder, expected_id, REBUILD_FIX)
    arrays = {FORMER_ARRAY_NAMES.get(name, name): values for name, values in arrays.items()}
    return PrecomputedLists(expected_id, metadata["bundle"], date.fromisoformat(metadata["as_of"]), **arrays)


def load_precomputed_lists(store: Store, cache_dir: Path) -> PrecomputedLists | None:
    """Return the lists that were published last, None before the first; see `load_published`."""
    return load_published(store, LISTS_FOLDER, RecommendationsRef, cache_dir, open_precomputed_lists)
