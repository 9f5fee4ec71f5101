"""Lists made ahead: what every shopper would be shown as of a day, for when the encoder cannot be asked.

One immutable folder of plain arrays, `recommendations/<sha256>`, read through memory maps like the latest histories.
A list is good for the very bundle it was made with, and until the shopper does something new.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freshet.live.released import Event
from freshet.live.sealed import open_arrays, seal_arrays
from freshet.references import ListsRef
from freshet.store import Store

FOLDER: Final = "recommendations"
PUBLISHED: Final = "published/recommendations.json"
REMAKE: Final = "materialize the asset `recommendations` again"
ARRAYS: Final = ("shoppers", "until", "items", "scores")


@dataclass(frozen=True)
class Ready:
    """One shopper's list, best first."""

    items: NDArray[np.int64]  # (k,) vocabulary index of the lists' bundle
    scores: NDArray[np.float32]  # (k,)


@dataclass(frozen=True)
class Precomputed:
    """Lists of the shoppers of whom the model knew something, sorted by shopper."""

    id: str
    bundle: str  # whose indexes the items are
    as_of: date  # the last landing day of the histories they were made from
    shoppers: NDArray[np.bytes_]  # (S,) pseudonyms, ascending
    until: NDArray[np.int64]  # (S,) time of the last event the list was made from, seconds since 1970, UTC
    items: NDArray[np.int32]  # (S, k); 0 = empty place
    scores: NDArray[np.float32]  # (S, k)

    def __len__(self) -> int:
        """Shoppers."""
        return len(self.shoppers)

    def of(self, shopper: str, bundle: str, events: list[Event]) -> Ready | None:
        """The shopper's list, or None: made with another bundle, for somebody else, or before the last of `events`."""
        name = np.bytes_(shopper.encode())
        place = int(np.searchsorted(self.shoppers, name))
        if bundle != self.bundle or place == len(self.shoppers) or self.shoppers[place] != name:
            return None
        if not events or max(event[2] for event in events) > self.until[place]:
            return None
        there = self.items[place] > 0
        return Ready(self.items[place][there].astype(np.int64), np.asarray(self.scores[place][there]))


def save_precomputed(arrays: dict[str, NDArray[Any]], bundle: str, as_of: date, folder: Path) -> str:
    """Write the arrays of `ARRAYS` and the manifest that seals them; the id is the manifest's hash."""
    return seal_arrays({name: arrays[name] for name in ARRAYS}, {"bundle": bundle, "as_of": str(as_of)}, folder)


def open_precomputed(folder: Path, name: str) -> Precomputed:
    """The lists in `folder`, whose id must be `name`. Raises BundleError where any byte of it has changed."""
    facts, arrays = open_arrays(folder, name, REMAKE)
    return Precomputed(name, facts["bundle"], date.fromisoformat(facts["as_of"]), **arrays)


def published_lists(store: Store) -> ListsRef | None:
    """Which lists the pipeline published last; None before the first."""
    if not store.exists(PUBLISHED):
        return None
    return ListsRef.model_validate_json(store.get(PUBLISHED))


def precomputed(store: Store, cache: Path) -> Precomputed | None:
    """The newest published, None before the first. Raises LakeError or BundleError where they cannot be read.

    cache: where those of a remote lake are kept on this machine.
    """
    ref = published_lists(store)
    if ref is None:
        return None
    return open_precomputed(store.fetch_folder(f"{FOLDER}/{ref.id}", cache.expanduser()), ref.id)
