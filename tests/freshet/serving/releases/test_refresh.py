import hashlib
from datetime import date

import numpy as np
import pytest

from freshet.artifacts import LatestHistoriesRef, publish
from freshet.inference.latest_histories import HISTORIES_FOLDER, MANIFEST, save_latest_histories
from freshet.serving.recommend.active_state import ActiveState
from freshet.serving.releases.refresh import refresh_histories
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
    """A lake with the history of one shopper, and somebody who looks at it."""

    def __init__(self, root):
        self.made, self.cache = root / "made", root / "cache"
        self.made.mkdir()
        self.store, self.current = open_store(str(root / "lake")), ActiveState()
        self.name = save_latest_histories(ARRAYS, date(2024, 3, 1), self.made)
        self.put()
        publish(self.store, HISTORIES_FOLDER, LatestHistoriesRef(id=self.name, as_of=date(2024, 3, 1)))

    def put(self):
        self.store.put_folder(self.made, f"{HISTORIES_FOLDER}/{self.name}", MANIFEST)

    def flip(self, file):
        path = self.store.local_path(f"{HISTORIES_FOLDER}/{self.name}/{file}")
        content = bytearray(path.read_bytes())
        content[-1] ^= 64
        path.write_bytes(content)

    def look(self):
        """What is known of Ann, and what is wrong."""
        refresh_histories(self.store, self.cache, self.current)
        problem = self.current.histories_problem
        return self.current.snapshots.shopper_events(ANN), problem and problem.what


@pytest.fixture
def lake(tmp_path):
    return HistoryLake(tmp_path)


def test_what_the_lake_knows_is_brought_in(lake):
    assert lake.look() == ([("cup", "view", 100, 19783)], None)


def test_a_flipped_bit_is_told_and_no_question_meets_it(lake):
    lake.flip("items.npy")
    assert lake.look() == ([], "has changed since it was sealed")
    assert lake.look() == ([], "has changed since it was sealed")


def test_damaged_histories_are_not_read_again_until_they_are_mended(lake, monkeypatch):
    lake.flip("times.npy")
    lake.look()
    digested, digest = [], hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda *given: digested.append(1) or digest(*given))
    lake.look()
    assert digested == []
    lake.put()
    assert lake.look() == ([("cup", "view", 100, 19783)], None)
    assert digested != []
