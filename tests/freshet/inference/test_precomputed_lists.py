"""Precomputed lists: stored, read, and valid only for their bundle and events."""

from datetime import date

import numpy as np
import pytest

from freshet.data.history_events import HistoryEvent
from freshet.errors import BundleError
from freshet.inference.array_folder import save_array_folder
from freshet.inference.precomputed_lists import load_precomputed_lists, open_precomputed_lists, save_precomputed_lists
from freshet.store import open_store

ANN, BOB = "a" * 32, "b" * 32
ARRAYS = {
    "shoppers": np.array([ANN.encode(), BOB.encode()]),
    "last_event_times": np.array([100, 200]),
    "items": np.array([[3, 1], [2, 0]], dtype=np.int32),
    "scores": np.array([[0.5, 0.25], [1.0, 0.0]], dtype=np.float32),
}
DAY = date(2024, 3, 1)


@pytest.fixture
def precomputed_lists(tmp_path):
    return open_precomputed_lists(tmp_path, save_precomputed_lists(ARRAYS, "f" * 64, DAY, tmp_path))


def event_at(time):
    return HistoryEvent("mug", "view", time, 19783)


def test_a_list_is_read_as_it_was_stored_without_empty_places(precomputed_lists):
    assert (len(precomputed_lists), precomputed_lists.bundle_id, precomputed_lists.as_of) == (2, "f" * 64, DAY)
    ann, bob = (
        precomputed_lists.for_shopper(ANN, "f" * 64, [event_at(50), event_at(100)]),
        precomputed_lists.for_shopper(BOB, "f" * 64, [event_at(200)]),
    )
    assert (ann.items.tolist(), ann.scores.tolist()) == ([3, 1], [0.5, 0.25])
    assert (bob.items.tolist(), bob.scores.tolist()) == ([2], [1.0])


@pytest.mark.parametrize(
    ("shopper", "bundle_id", "times"),
    [
        (ANN, "e" * 64, [100]),  # of another bundle, items have other numbers
        (ANN, "f" * 64, [50, 101]),  # something new was done
        (ANN, "f" * 64, []),
        ("c" * 32, "f" * 64, [100]),
        ("0" * 32, "f" * 64, [100]),
    ],
)
def test_a_precomputed_list_is_used_only_for_its_bundle_and_events(precomputed_lists, shopper, bundle_id, times):
    assert precomputed_lists.for_shopper(shopper, bundle_id, [event_at(time) for time in times]) is None


def test_lists_of_an_earlier_version_are_read(tmp_path):
    arrays = {"until" if name == "last_event_times" else name: values for name, values in ARRAYS.items()}
    folder_id = save_array_folder(arrays, {"bundle": "f" * 64, "as_of": str(DAY)}, tmp_path)
    assert open_precomputed_lists(tmp_path, folder_id).last_event_times.tolist() == [100, 200]


def test_a_changed_byte_is_named(precomputed_lists, tmp_path):
    path = tmp_path / "items.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    with pytest.raises(BundleError) as error:
        open_precomputed_lists(tmp_path, precomputed_lists.id)
    assert str(error.value) == (
        f"{path}: has changed since it was sealed; materialize the asset `recommendations` again"
    )


def test_before_the_first_there_are_none(tmp_path):
    assert load_precomputed_lists(open_store(str(tmp_path)), tmp_path) is None
