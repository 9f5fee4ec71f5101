"""The released bundle of the last entry, and histories to rank with it."""

from datetime import UTC, datetime

import pytest

from freshet.data.history_events import items_as_events, to_history
from freshet.errors import JournalError
from freshet.releases.current import current_release
from freshet.releases.journal import JournalEntry, append_entry
from freshet.store import open_store
from tests.tiny_bundle import vocabulary, write_bundle


def write_release(store, folder, number, note):
    name = write_bundle(folder, note=note)
    store.put_folder(folder, f"bundles/{name}", "manifest.json")
    now = datetime(2024, 3, 2, tzinfo=UTC)
    append_entry(
        store,
        JournalEntry(
            number=number, decided_on=number - 1, kind="release", bundle=name, verdict="", why="", at=now, by="t"
        ),
    )
    return name


def test_the_bundle_of_the_last_entry_is_released(tmp_path):
    store = open_store(str(tmp_path / "lake"))
    assert current_release(store, tmp_path / "cache") is None
    write_release(store, tmp_path / "one", 1, "one")
    second = write_release(store, tmp_path / "two", 2, "two")
    release_bundle = current_release(store, tmp_path / "cache")
    assert release_bundle.entry.number == 2
    assert release_bundle.bundle.id == second


def test_a_corrupt_bundle_names_the_file_and_the_rollback(tmp_path):
    store = open_store(str(tmp_path / "lake"))
    write_release(store, tmp_path / "one", 1, "one")
    second = write_release(store, tmp_path / "two", 2, "two")
    damaged_file = store.local_path(f"bundles/{second}/item_embeddings.npy")
    damaged_file.unlink()
    with pytest.raises(JournalError) as exc_info:
        current_release(store, tmp_path / "cache")
    assert str(exc_info.value) == (
        f"{store.root}/releases/00000002.json: its bundle {second[:12]} does not load "
        f"({damaged_file}: the file is missing); "
        'run `freshet rollback --to 1 --why "…"`, or restore it from a backup of the lake'
    )


def test_recent_items_become_a_history():
    histories = to_history(items_as_events(["b", "?", "a"], "purchase"), vocabulary())
    assert histories.items.tolist() == [2, 0, 1]
    assert histories.types.tolist() == [3, 3, 3]
    assert histories.times.tolist() == [0, 60, 120]
    assert histories.offsets.tolist() == [0, 3]


def test_the_lakes_events_become_a_history():
    histories = to_history([("c", "purchase", 1700000000, 19675)], vocabulary())
    assert histories.items.tolist() == [3]
    assert histories.types.tolist() == [3]
    assert histories.days.tolist() == [19675]
