"""Latest histories of a few shoppers, published in a test's lake: the input of precomputed lists."""

from datetime import date
from pathlib import Path

import numpy as np

from freshet.artifacts import LatestHistoriesRef, publish
from freshet.inference.array_folder import MANIFEST
from freshet.inference.latest_histories import HISTORIES_FOLDER, save_latest_histories
from freshet.store import open_store

DAY = date(2024, 3, 1)


def pseudonym_of(number: int) -> str:
    """Return the pseudonym of shopper `number`."""
    return f"{number:032x}"


def publish_latest(lake: str, folder: Path, *histories: str, shoppers: list[str] | None = None) -> str:
    """Publish one shopper per text, who viewed its letters a minute apart; return the id."""
    folder.mkdir(parents=True, exist_ok=True)
    ids = sorted(set("".join(histories)))
    sizes = [len(items) for items in histories]
    arrays = {
        "shoppers": np.array([shopper.encode() for shopper in shoppers or map(pseudonym_of, range(len(histories)))]),
        "offsets": np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        "item_ids": np.array(ids),
        "items": np.array([ids.index(item) for items in histories for item in items], dtype=np.int32),
        "types": np.ones(sum(sizes), dtype=np.int8),
        "times": np.concatenate([60 * np.arange(size) for size in sizes]).astype(np.int64),
        "days": np.full(sum(sizes), 19783, dtype=np.int32),
    }
    name, store = save_latest_histories(arrays, DAY, folder), open_store(lake)
    store.put_folder(folder, f"{HISTORIES_FOLDER}/{name}", MANIFEST)
    publish(store, HISTORIES_FOLDER, LatestHistoriesRef(id=name, as_of=DAY))
    return name
