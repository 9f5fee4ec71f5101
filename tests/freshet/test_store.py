"""The store on a local folder: put, get, list, concurrent writers, full disk."""

import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import obstore
import pytest

from freshet.errors import LakeError
from freshet.store import Store, _raise_lake_error, open_store


@pytest.fixture
def store(tmp_path):
    return open_store(str(tmp_path / "lake"))


def test_a_file_that_was_put_can_be_read(store):
    store.put("a/b", b"one")
    assert store.get("a/b") == b"one"
    assert store.exists("a/b")


def test_put_replaces(store):
    store.put("a/b", b"one")
    store.put("a/b", b"two")
    assert store.get("a/b") == b"two"


def test_put_if_absent_writes_once(store):
    assert store.put_if_absent("a/b", b"one") is True
    assert store.put_if_absent("a/b", b"two") is False
    assert store.get("a/b") == b"one"


def test_a_missing_file_cannot_be_synced(store):
    store.put("a/b", b"one")
    store.sync("a/b")
    with pytest.raises(LakeError, match="a/c: does not exist; check FRESHET_LAKE"):
        store.sync("a/c")


def test_of_concurrent_writers_exactly_one_succeeds(store):
    winners = []
    barrier = threading.Barrier(8)

    def write(number):
        barrier.wait()
        if store.put_if_absent("a/b", str(number).encode()):
            winners.append(number)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [str(n).encode() for n in winners] == [store.get("a/b")]


def test_a_listing_has_the_size_and_time_of_each_file(store):
    start = datetime.now(UTC) - timedelta(seconds=2)
    store.put("a/b", b"12345")
    (info,) = store.list_info("a")
    assert (info.path, info.bytes) == ("a/b", 5)
    assert start < info.modified < datetime.now(UTC) + timedelta(seconds=2)


def test_list_is_sorted_and_matches_whole_path_parts(store):
    for path in ("a/2", "a/1", "ab/3", "a/c/4"):
        store.put(path, b"")
    assert store.list("a") == ("a/1", "a/2", "a/c/4")
    assert store.list("nothing") == ()


def test_reading_makes_no_folder(store):
    assert store.list("a") == ()
    assert not store.exists("a")
    assert not Path(store.root).exists()


def test_removing_a_missing_file_is_no_error(store):
    store.put("a/b", b"1")
    store.remove("a/b")
    store.remove("a/b")
    assert store.list("a") == ()


def test_a_missing_file_is_named(store):
    with pytest.raises(LakeError) as exc_info:
        store.get("a/b")
    assert str(exc_info.value) == (
        f"{store.root}/a/b: does not exist; check FRESHET_LAKE (`freshet settings`), or create it again"
    )


def test_a_folder_does_not_exist_as_a_file(store):
    store.put("a/b", b"")
    assert not store.exists("a")


def test_a_folder_is_put_and_fetched(store, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "manifest.json").write_bytes(b"m")
    (source / "x").write_bytes(b"x")
    store.put_folder(source, "bundles/1", "manifest.json")
    assert store.list("bundles") == ("bundles/1/manifest.json", "bundles/1/x")
    assert store.fetch_folder("bundles/1", tmp_path / "cache") == Path(store.root) / "bundles/1"


def test_an_interrupted_put_folder_has_no_last_file(store, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "x").write_bytes(b"x")
    with pytest.raises(LakeError):
        store.put_folder(source, "bundles/1", "manifest.json")  # manifest.json is not there: as if stopped before it
    assert store.list("bundles") == ("bundles/1/x",)


def test_putting_a_folder_again_repairs_damaged_files(store, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "manifest.json").write_bytes(b"m")
    (source / "x").write_bytes(b"x")
    store.put_folder(source, "bundles/1", "manifest.json")
    store.local_path("bundles/1/x").write_bytes(b"damaged")
    store.put_folder(source, "bundles/1", "manifest.json")
    assert store.get("bundles/1/x") == b"x"


def test_a_missing_folder_is_named(store, tmp_path):
    with pytest.raises(LakeError, match=r"bundles/1: does not exist; check FRESHET_LAKE"):
        store.fetch_folder("bundles/1", tmp_path)


def test_a_remote_lake_has_no_local_path():
    with pytest.raises(LakeError) as exc_info:
        Store("s3://shop/lake").local_path("a")
    assert str(exc_info.value) == "s3://shop/lake/a: not on this machine; fetch it first (Store.fetch_folder)"


def test_a_full_disk_is_reported_in_one_line():
    error = obstore.exceptions.GenericError(
        "Generic LocalFileSystem error: Unable to copy data to file: No space left on device (os error 28)\n\nDebug"
    )
    with pytest.raises(LakeError) as exc_info:
        _raise_lake_error("lake/a", "nothing was published", error)
    assert str(exc_info.value) == "lake/a: the disk is full, nothing was published; free some space and run again"


def test_on_a_full_disk_no_row_is_published_and_the_next_run_succeeds(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(small)], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small disk can only be mounted by root")
    try:
        store = open_store(str(small / "lake"))
        store.put("journal", b"before")
        (small / "ballast").write_bytes(b"0" * 90_000)
        for write in (store.put, store.put_if_absent):
            with pytest.raises(LakeError) as exc_info:
                write("model", b"1" * 60_000)
            assert str(exc_info.value) == (
                f"{store.root}/model: the disk is full, nothing was published; free some space and run again"
            )
        assert store.list("") == ("journal",)
        (small / "ballast").unlink()
        store.put("model", b"1" * 60_000)
        assert store.list("") == ("journal", "model")
    finally:
        subprocess.run(["umount", str(small)], check=True)


@pytest.mark.parametrize("root", ["", "memory:///lake"])
def test_names_are_direct_children_and_folders_end_with_a_slash(tmp_path, root):
    store = open_store(root or str(tmp_path))
    assert store.list_names("a") == ()
    for path in ("a/2", "a/.1", "a/old/2", "b/3"):
        store.put(path, b"x")
    assert store.list_names("a") == (".1", "2", "old/")


def test_names_of_a_file_cannot_be_listed(store):
    store.put("a", b"x")
    with pytest.raises(LakeError, match="a: cannot be listed"):
        store.list_names("a")
