"""The file of latest histories, as a gateway reads it."""

from datetime import date

import numpy as np
import pytest

from freshet.artifacts import LatestHistoriesRef, publish
from freshet.data.text_columns import pack_texts
from freshet.errors import BundleError
from freshet.inference.latest_histories import (
    HISTORIES_FOLDER,
    MANIFEST,
    load_latest_histories,
    merge_events,
    open_latest_histories,
    save_latest_histories,
)
from freshet.store import open_store

ANN, BOB = "a" * 32, "b" * 32
DAY = date(2024, 3, 2)
# Ann saw the cup and bought the mug; Bob saw the mug.
ARRAYS = {
    "shoppers": np.array([ANN, BOB], dtype=np.bytes_),
    "offsets": np.array([0, 2, 3]),
    "item_ids": np.array(["cup", "mug"]),
    "items": np.array([0, 1, 1], dtype=np.int32),
    "types": np.array([1, 3, 1], dtype=np.int8),
    "times": np.array([100, 200, 150]),
    "days": np.array([19783, 19784, 19784], dtype=np.int32),
}


def save_arrays(folder, arrays=ARRAYS):
    folder.mkdir(parents=True, exist_ok=True)
    return save_latest_histories(arrays, DAY, folder)


def test_a_shoppers_events_come_back_as_they_happened(tmp_path):
    actual = open_latest_histories(tmp_path, save_arrays(tmp_path))
    assert actual.for_shopper(ANN) == [("cup", "view", 100, 19783), ("mug", "purchase", 200, 19784)]
    assert actual.for_shopper(BOB) == [("mug", "view", 150, 19784)]
    assert (len(actual), actual.as_of) == (2, DAY)


@pytest.mark.parametrize("stranger", ["0" * 32, "ab" * 16, "c" * 32, ""])
def test_an_unknown_shopper_has_no_history(tmp_path, stranger):
    assert open_latest_histories(tmp_path, save_arrays(tmp_path)).for_shopper(stranger) == []


def test_equal_histories_have_one_name_and_different_ones_two(tmp_path):
    other = {**ARRAYS, "times": np.array([100, 200, 151])}
    names = [save_arrays(tmp_path / "1"), save_arrays(tmp_path / "2"), save_arrays(tmp_path / "3", other)]
    assert names[0] == names[1] != names[2]


def test_a_file_that_changed_is_no_history(tmp_path):
    name = save_arrays(tmp_path)
    (tmp_path / "items.npy").write_bytes(b"short")
    with pytest.raises(BundleError, match=r"items.npy: is missing, or does not have 140 bytes; materialize"):
        open_latest_histories(tmp_path, name)


@pytest.mark.parametrize("name", sorted(pack_texts(ARRAYS)))
def test_one_flipped_bit_in_any_file_is_no_history(tmp_path, name):
    sealed, file = save_arrays(tmp_path), tmp_path / f"{name}.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 64
    file.write_bytes(content)
    with pytest.raises(BundleError, match=rf"{name}.npy: has changed since it was sealed; materialize the asset"):
        open_latest_histories(tmp_path, sealed)


def test_a_manifest_of_another_name_is_no_history(tmp_path):
    save_arrays(tmp_path)
    with pytest.raises(BundleError, match=r"manifest.json: is missing, or is not the manifest of 000000000000"):
        open_latest_histories(tmp_path, "0" * 64)


def test_the_newest_published_is_found(tmp_path):
    store = open_store(str(tmp_path / "lake"))
    assert load_latest_histories(store, tmp_path / "cache") is None
    name = save_arrays(tmp_path / "made")
    store.put_folder(tmp_path / "made", f"{HISTORIES_FOLDER}/{name}", MANIFEST)
    publish(store, HISTORIES_FOLDER, LatestHistoriesRef(id=name, as_of=DAY))
    assert load_latest_histories(store, tmp_path / "cache").id == name


CUP_VIEW, MUG_VIEW, PEN_VIEW = ("cup", "view", 100, 1), ("mug", "view", 200, 1), ("pen", "view", 300, 2)


@pytest.mark.parametrize(
    ("lake_events", "gateway_events", "merged"),
    [
        ([CUP_VIEW], [], [CUP_VIEW]),
        ([], [CUP_VIEW], [CUP_VIEW]),
        ([CUP_VIEW, MUG_VIEW], [MUG_VIEW, PEN_VIEW], [CUP_VIEW, MUG_VIEW, PEN_VIEW]),  # the mug landed meanwhile
        ([MUG_VIEW], [CUP_VIEW], [CUP_VIEW, MUG_VIEW]),  # a late event is sorted by its time
        ([CUP_VIEW, CUP_VIEW], [CUP_VIEW], [CUP_VIEW, CUP_VIEW]),  # two in one second, one of them in both
        ([CUP_VIEW], [CUP_VIEW, CUP_VIEW], [CUP_VIEW, CUP_VIEW]),
    ],
)
def test_events_of_lake_and_gateway_become_one_history(lake_events, gateway_events, merged):
    assert merge_events(lake_events, gateway_events) == merged
