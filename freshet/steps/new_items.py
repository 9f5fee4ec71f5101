"""The asset `new_items`, without Dagster: what the lake knows of its newest items, for whoever answers."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import numpy as np

from freshet.artifacts import NewItemsRef
from freshet.data.content_embeddings import published_content_embeddings
from freshet.data.day_numbers import EPOCH
from freshet.data.vocabulary import Vocabulary
from freshet.inference.array_folder import MANIFEST
from freshet.inference.new_items import NEW_ITEMS_FOLDER, open_new_items, save_new_items
from freshet.settings import Settings
from freshet.steps.step_result import StepResult, run_gate
from freshet.store import Store, open_store
from freshet.tables.reader import scan_table, to_vocabulary, with_content_embeddings

NEW_ITEM_DAYS: Final = 60  # an item is new for so long: no bundle that serves should be older


@dataclass(frozen=True)
class NewItemsSnapshot:
    """The newest items, and the day on which the last of them landed."""

    items: Vocabulary
    as_of: date


def make_new_items(settings: Settings, store: Store) -> StepResult[NewItemsSnapshot, NewItemsRef]:
    """Gather the items of the published vocabulary that landed first in its last DAYS days, and publish them.

    Raises LakeError where there is no vocabulary yet.
    """
    snapshot = load_new_items(settings)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        snapshot_id = save_new_items(snapshot.items, folder)
        gate = run_gate("new_items", _profile(snapshot.items, open_new_items(folder, snapshot_id).items), settings)
        if gate.refusal_reasons():
            return StepResult(gate, snapshot, None)
        store.put_folder(folder, f"{NEW_ITEMS_FOLDER}/{snapshot_id}", MANIFEST)
    return StepResult(gate, snapshot, NewItemsRef(id=snapshot_id, as_of=snapshot.as_of))


def load_new_items(settings: Settings) -> NewItemsSnapshot:
    """Items that are on sale and landed first at most DAYS days before the last that did, by index."""
    rows = scan_table(settings, "vocabulary").sort_by("index")
    landing_days = rows["first_landing_date"].to_pylist()
    as_of: date = max(landing_days, default=EPOCH)
    is_recent = np.array([day > as_of - timedelta(days=NEW_ITEM_DAYS) for day in landing_days], dtype=bool)
    is_available = ~rows["tombstone"].to_numpy(zero_copy_only=False).astype(bool)
    items = to_vocabulary(rows.take(np.flatnonzero(is_recent & is_available)), settings.item_feature_schema)
    embeddings_ref = published_content_embeddings(open_store(settings.lake))
    return NewItemsSnapshot(
        with_content_embeddings(items, settings, None if embeddings_ref is None else embeddings_ref.id), as_of
    )


def _profile(items: Vocabulary, reopened: Vocabulary) -> Mapping[str, object]:
    has_content = [
        items.titles[1:] != "",
        items.categories[1:] != "",
        *(values[1:] != "" for values in items.attributes.values()),
    ]
    matches = [np.array_equal(x, y) for x, y in ((items.item_ids, reopened.item_ids), (items.titles, reopened.titles))]
    matches.append(np.array_equal(items.prices, reopened.prices, equal_nan=True))
    n_undescribed = int((~np.logical_or.reduce(has_content)).sum())
    return {
        "items": len(items),
        "undescribed": n_undescribed,
        "undescribed_share": n_undescribed / max(1, len(items)),
        "corrupt": int(not all(matches)),
    }
