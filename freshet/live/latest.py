"""The lake's latest histories: what a gateway knows of every shopper before they click again.

One immutable folder of plain arrays, `latest_histories/<sha256>`. When it is opened it is read once, to see that no
byte has changed; from then on through memory maps, so that ten million shoppers take no more memory than a thousand.
What a shopper did since comes from the gateway's own recent events.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freshet.columns import EVENT_TYPES
from freshet.history import WINDOW
from freshet.live.released import Event
from freshet.live.sealed import MANIFEST as MANIFEST
from freshet.live.sealed import open_arrays, seal_arrays
from freshet.references import LatestRef
from freshet.store import Store
from freshet.texts import Texts

FOLDER: Final = "latest_histories"
PUBLISHED: Final = "published/latest_histories.json"
REMAKE: Final = "materialize the asset `latest_histories` again"
ARRAYS: Final = ("shoppers", "offsets", "item_ids", "items", "types", "times", "days")


@dataclass(frozen=True)
class LatestHistories:
    """Packed like `Histories`, sorted by shopper; items are numbers in a list of their own, not in a vocabulary."""

    id: str
    as_of: date  # the last landing day in it
    shoppers: NDArray[np.bytes_]  # (S,) pseudonyms, ascending
    offsets: NDArray[np.int64]  # (S + 1,)
    item_ids: Texts  # (U,)
    items: NDArray[np.int32]  # (N,) place in item_ids
    types: NDArray[np.int8]  # (N,) codes of columns.EVENT_TYPES, from 1
    times: NDArray[np.int64]  # (N,) seconds since 1970, UTC
    days: NDArray[np.int32]  # (N,) landing date, days since 1970

    def __len__(self) -> int:
        """Shoppers."""
        return len(self.shoppers)

    def of(self, shopper: str) -> list[Event]:
        """One shopper's events in canonical order; none of a shopper nobody knows."""
        name = np.bytes_(shopper.encode())
        place = int(np.searchsorted(self.shoppers, name))
        if place == len(self.shoppers) or self.shoppers[place] != name:
            return []
        rows = slice(int(self.offsets[place]), int(self.offsets[place + 1]))
        ids, kinds = self.item_ids[self.items[rows]].tolist(), [EVENT_TYPES[code - 1] for code in self.types[rows]]
        return list(zip(ids, kinds, self.times[rows].tolist(), self.days[rows].tolist(), strict=True))


def save_latest(arrays: dict[str, NDArray[Any]], as_of: date, folder: Path) -> str:
    """Write the arrays of `ARRAYS` and the manifest that seals them; the id is the manifest's hash."""
    return seal_arrays({name: arrays[name] for name in ARRAYS}, {"as_of": str(as_of)}, folder)


def open_latest(folder: Path, name: str) -> LatestHistories:
    """The histories in `folder`, whose id must be `name`; about a second per GB.

    Raises BundleError where a file is missing or any byte of it has changed.
    """
    facts, arrays = open_arrays(folder, name, REMAKE)
    return LatestHistories(name, date.fromisoformat(facts["as_of"]), **arrays)


def published_latest(store: Store) -> LatestRef | None:
    """Which latest histories the pipeline published last; None before the first."""
    if not store.exists(PUBLISHED):
        return None
    return LatestRef.model_validate_json(store.get(PUBLISHED))


def latest_histories(store: Store, cache: Path) -> LatestHistories | None:
    """The newest published, None before the first. Raises LakeError or BundleError where they cannot be read.

    cache: where those of a remote lake are kept on this machine.
    """
    ref = published_latest(store)
    if ref is None:
        return None
    return open_latest(store.fetch_folder(f"{FOLDER}/{ref.id}", cache.expanduser()), ref.id)


def merged(lake: Sequence[Event], own: Sequence[Event]) -> list[Event]:
    """What lake and gateway know of one shopper, in canonical order, the last WINDOW; what both know counts once.

    A union of multisets: an event that happened twice in one second stays twice. own: oldest first.
    """
    known = Counter(lake)
    more = []
    for event in own:
        if known[event] > 0:
            known[event] -= 1
        else:
            more.append(event)
    # By time and day; stable, so the rest stays in order.
    in_order = sorted([*lake, *more], key=lambda event: event[2:])
    return in_order[-WINDOW:]
