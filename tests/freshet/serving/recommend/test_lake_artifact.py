"""Latest histories of the lake in a gateway: published, damaged, and replaced."""

import hashlib
from datetime import date

import numpy as np
import pytest

from freshet.artifacts import LatestHistoriesRef, publish
from freshet.inference.latest_histories import HISTORIES_FOLDER, MANIFEST, save_latest_histories
from freshet.serving.recommend.lake_artifact import histories_artifact
from freshet.store import open_store

ANN = "a" * 32
ARRAYS = {
    "shoppers": np.array([ANN], dtype=np.bytes_),
    "offsets": np.array([0, 1]),
    "item_ids": np.array(["cup"]),
    "items": np.array([0], dtype=np.int32),
    "types": np.array([1], dtype=np.int8),
    "times": np.array([100]),
    "days": np.array([19783], dtype=np.int32),
}


class HistoryLake:
    """A lake with the history of one shopper, and the gateway's copy of it."""

    def __init__(self, root):
        self.folder, self.cache = root / "histories", root / "cache"
        self.folder.mkdir()
        self.store, self.histories = open_store(str(root / "lake")), histories_artifact()
        self.name = save_latest_histories(ARRAYS, date(2024, 3, 1), self.folder)
        self.put()
        publish(self.store, HISTORIES_FOLDER, LatestHistoriesRef(id=self.name, as_of=date(2024, 3, 1)))

    def put(self):
        self.store.put_folder(self.folder, f"{HISTORIES_FOLDER}/{self.name}", MANIFEST)

    def flip_bit(self, file):
        path = self.store.local_path(f"{HISTORIES_FOLDER}/{self.name}/{file}")
        content = bytearray(path.read_bytes())
        content[-1] ^= 64
        path.write_bytes(content)

    def refresh(self):
        """Return Ann's events after a refresh, and the problem."""
        self.histories.refresh(self.store, self.cache)
        events = self.histories.value.for_shopper(ANN) if self.histories.value else []
        return events, self.histories.problem and self.histories.problem.what


@pytest.fixture
def lake(tmp_path):
    return HistoryLake(tmp_path)


def test_published_histories_are_loaded(lake):
    assert lake.refresh() == ([("cup", "view", 100, 19783)], None)


def test_damaged_histories_are_reported_and_not_used(lake):
    lake.flip_bit("items.npy")
    assert lake.refresh() == ([], "has changed since it was sealed")
    assert lake.refresh() == ([], "has changed since it was sealed")


def test_damaged_histories_are_not_read_again_until_their_files_change(lake, monkeypatch):
    lake.flip_bit("times.npy")
    lake.refresh()
    digested, digest = [], hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda *args: digested.append(1) or digest(*args))
    lake.refresh()
    assert digested == []
    lake.put()
    assert lake.refresh() == ([("cup", "view", 100, 19783)], None)
    assert digested != []
