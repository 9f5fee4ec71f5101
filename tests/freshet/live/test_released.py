from datetime import UTC, datetime

import pytest

from freshet.errors import JournalError
from freshet.live.journal import Entry, append
from freshet.live.released import current_release, history_of, just_met
from freshet.store import open_store
from tests.tiny_bundle import vocabulary, write_bundle


def release(store, folder, number, note):
    name = write_bundle(folder, note=note)
    store.put_folder(folder, f"bundles/{name}", "manifest.json")
    now = datetime(2024, 3, 2, tzinfo=UTC)
    append(
        store,
        Entry(number=number, decided_on=number - 1, kind="release", bundle=name, verdict="", why="", at=now, by="t"),
    )
    return name


def test_the_bundle_of_the_last_entry_is_released(tmp_path):
    store = open_store(str(tmp_path / "lake"))
    assert current_release(store, tmp_path / "cache") is None
    release(store, tmp_path / "one", 1, "one")
    second = release(store, tmp_path / "two", 2, "two")
    found = current_release(store, tmp_path / "cache")
    assert found.entry.number == 2
    assert found.bundle.id == second


def test_a_corrupt_bundle_names_the_file_and_the_rollback(tmp_path):
    store = open_store(str(tmp_path / "lake"))
    release(store, tmp_path / "one", 1, "one")
    second = release(store, tmp_path / "two", 2, "two")
    broken = store.local_path(f"bundles/{second}/item_vectors.npy")
    broken.unlink()
    with pytest.raises(JournalError) as caught:
        current_release(store, tmp_path / "cache")
    assert str(caught.value) == (
        f"{store.root}/releases/00000002.json: its bundle {second[:12]} does not load "
        f"({broken}: the file is missing); "
        'run `freshet rollback --to 1 --why "…"`, or restore it from a backup of the lake'
    )


def test_items_just_met_become_a_history():
    histories = history_of(just_met(["b", "?", "a"], "purchase"), vocabulary())
    assert histories.items.tolist() == [2, 0, 1]
    assert histories.types.tolist() == [3, 3, 3]
    assert histories.times.tolist() == [0, 60, 120]
    assert histories.offsets.tolist() == [0, 3]


def test_the_lakes_events_become_a_history():
    histories = history_of([("c", "purchase", 1700000000, 19675)], vocabulary())
    assert histories.items.tolist() == [3]
    assert histories.types.tolist() == [3]
    assert histories.days.tolist() == [19675]
