"""The asset `new_items`, without Dagster: what the lake knows of its newest items, for whoever answers."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import numpy as np

from freshet.item_vectors import published_item_vectors
from freshet.live.new_items import FOLDER, open_new_items, save_new_items
from freshet.live.sealed import MANIFEST
from freshet.references import NewItemsRef
from freshet.settings import Settings
from freshet.stages.outcome import Outcome, judged
from freshet.store import Store, open_store
from freshet.tables.reading import EPOCH, described, scan, with_vectors
from freshet.vocabulary import Vocabulary

DAYS: Final = 60  # an item is new for so long: no bundle that serves should be older


@dataclass(frozen=True)
class Found:
    """The newest items, and the day on which the last of them landed."""

    items: Vocabulary
    as_of: date


def make_new_items(settings: Settings, store: Store) -> Outcome[Found, NewItemsRef]:
    """Gather the items of the published vocabulary that landed first in its last DAYS days, and publish them.

    Raises LakeError where there is no vocabulary yet.
    """
    found = newest(settings)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        name = save_new_items(found.items, folder)
        judgement = judged("new_items", _profile(found.items, open_new_items(folder, name).items), settings)
        if judgement.bad():
            return Outcome(judgement, found, None)
        store.put_folder(folder, f"{FOLDER}/{name}", MANIFEST)
    return Outcome(judgement, found, NewItemsRef(id=name, as_of=found.as_of))


def newest(settings: Settings) -> Found:
    """Items that are on sale and landed first at most DAYS days before the last that did, by index."""
    rows = scan(settings, "vocabulary").sort_by("index")
    landed = rows["first_landing_date"].to_pylist()
    as_of: date = max(landed, default=EPOCH)
    recent = np.array([day > as_of - timedelta(days=DAYS) for day in landed], dtype=bool)
    alive = ~rows["tombstone"].to_numpy(zero_copy_only=False).astype(bool)
    items = described(rows.take(np.flatnonzero(recent & alive)), settings.item_schema)
    vectors = published_item_vectors(open_store(settings.lake))
    return Found(with_vectors(items, settings, None if vectors is None else vectors.id), as_of)


def _profile(items: Vocabulary, back: Vocabulary) -> Mapping[str, object]:
    said = [items.titles[1:] != "", items.categories[1:] != "", *(v[1:] != "" for v in items.attributes.values())]
    same = [np.array_equal(x, y) for x, y in ((items.item_ids, back.item_ids), (items.titles, back.titles))]
    same.append(np.array_equal(items.prices, back.prices, equal_nan=True))
    undescribed = int((~np.logical_or.reduce(said)).sum())
    return {
        "items": len(items),
        "undescribed": undescribed,
        "undescribed_share": undescribed / max(1, len(items)),
        "corrupt": int(not all(same)),
    }
