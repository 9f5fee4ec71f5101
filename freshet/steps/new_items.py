"""The asset `new_items`: the catalogue's newest items, which gateways and evaluations add to older bundles."""

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
from freshet.steps.step_result import StepResult, store_if_passed
from freshet.store import Store, open_store
from freshet.tables.reader import scan_table, to_vocabulary, with_content_embeddings

NEW_ITEM_DAYS: Final = 60  # days that an item is new; a released bundle should not be older


@dataclass(frozen=True)
class NewItemsSnapshot:
    """The newest items."""

    items: Vocabulary
    as_of: date  # the last day on which one of them landed first


def make_new_items(settings: Settings, store: Store) -> StepResult[NewItemsSnapshot, NewItemsRef]:
    """Select the items of the published vocabulary that landed first in its last NEW_ITEM_DAYS days; store them if the
    gate passes. Raises LakeError if there is no vocabulary yet.
    """
    snapshot = select_new_items(settings)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        snapshot_id = save_new_items(snapshot.items, folder)
        profile = profile_new_items(snapshot.items, open_new_items(folder, snapshot_id).items)

        def store_items() -> NewItemsRef:
            store.put_folder(folder, f"{NEW_ITEMS_FOLDER}/{snapshot_id}", MANIFEST)
            return NewItemsRef(id=snapshot_id, as_of=snapshot.as_of)

        return store_if_passed(NEW_ITEMS_FOLDER, profile, settings, value=snapshot, store_artifact=store_items)


def select_new_items(settings: Settings) -> NewItemsSnapshot:
    """Return available items that landed first within NEW_ITEM_DAYS days of the newest one, by index."""
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


def profile_new_items(items: Vocabulary, reopened: Vocabulary) -> Mapping[str, object]:
    """Return the gate's inputs. reopened: the items as they are read back from their folder."""
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
