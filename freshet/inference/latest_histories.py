"""Latest histories: the last events of all shoppers as of a landing day, published by the pipeline for serving.

One immutable folder of arrays, `latest_histories/<sha256>`. Opening it verifies every byte; afterwards it is read
through memory maps, so that ten million shoppers take no more memory than a thousand. Later events come from the
gateway's own event store.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freshet.artifacts import LatestHistoriesRef
from freshet.data.columns import EVENT_TYPES
from freshet.data.history import HISTORY_WINDOW
from freshet.data.history_events import HistoryEvent
from freshet.data.text_columns import TextArray
from freshet.inference.array_folder import MANIFEST as MANIFEST
from freshet.inference.array_folder import load_published, open_array_folder, save_array_folder
from freshet.store import Store

HISTORIES_FOLDER: Final = "latest_histories"  # also the name of the asset
REBUILD_FIX: Final = "materialize the asset `latest_histories` again"
HISTORY_ARRAYS: Final = ("shoppers", "offsets", "item_ids", "items", "types", "times", "days")


@dataclass(frozen=True)
class LatestHistories:
    """Packed like `Histories`, sorted by shopper; items are indexes into `item_ids`, not into a vocabulary."""

    id: str
    as_of: date  # the last landing day in it
    shoppers: NDArray[np.bytes_]  # (S,) pseudonyms, ascending
    offsets: NDArray[np.int64]  # (S + 1,)
    item_ids: TextArray  # (U,)
    items: NDArray[np.int32]  # (N,) index into item_ids
    types: NDArray[np.int8]  # (N,) codes of columns.EVENT_TYPES, from 1
    times: NDArray[np.int64]  # (N,) seconds since 1970, UTC
    days: NDArray[np.int32]  # (N,) landing date, days since 1970

    def __len__(self) -> int:
        """Number of shoppers."""
        return len(self.shoppers)

    def for_shopper(self, shopper: str) -> list[HistoryEvent]:
        """Return one shopper's events in canonical order; [] for an unknown shopper."""
        key = np.bytes_(shopper.encode())
        index = int(np.searchsorted(self.shoppers, key))
        if index == len(self.shoppers) or self.shoppers[index] != key:
            return []
        rows = slice(int(self.offsets[index]), int(self.offsets[index + 1]))
        ids, types = self.item_ids[self.items[rows]].tolist(), [EVENT_TYPES[code - 1] for code in self.types[rows]]
        return list(map(HistoryEvent, ids, types, self.times[rows].tolist(), self.days[rows].tolist()))


def save_latest_histories(arrays: dict[str, NDArray[Any]], as_of: date, folder: Path) -> str:
    """Write the arrays of `ARRAYS` and the manifest that seals them; the id is the manifest's hash."""
    return save_array_folder({name: arrays[name] for name in HISTORY_ARRAYS}, {"as_of": str(as_of)}, folder)


def open_latest_histories(folder: Path, expected_id: str) -> LatestHistories:
    """Return the latest histories in `folder`; takes about a second per GB.

    Raises BundleError if a byte has changed, or if the id is not `expected_id`.
    """
    metadata, arrays = open_array_folder(folder, expected_id, REBUILD_FIX)
    return LatestHistories(expected_id, date.fromisoformat(metadata["as_of"]), **arrays)


def load_latest_histories(store: Store, cache_dir: Path) -> LatestHistories | None:
    """Return the latest histories that were published last, None before the first; see `load_published`."""
    return load_published(store, HISTORIES_FOLDER, LatestHistoriesRef, cache_dir, open_latest_histories)


def merge_events(lake_events: Sequence[HistoryEvent], gateway_events: Sequence[HistoryEvent]) -> list[HistoryEvent]:
    """Merge one shopper's events of lake and gateway, in canonical order, and keep the last HISTORY_WINDOW.

    A union of multisets: an event in both counts once; one that happened twice in one second stays twice.
    gateway_events: oldest first.
    """
    remaining = Counter(lake_events)
    new_events = []
    for event in gateway_events:
        if remaining[event] > 0:
            remaining[event] -= 1
        else:
            new_events.append(event)
    # By time and day; stable, so the rest stays in order.
    sorted_events = sorted([*lake_events, *new_events], key=lambda event: event[2:])
    return sorted_events[-HISTORY_WINDOW:]
