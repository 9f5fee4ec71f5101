"""Checks of a lake before it is used: its folder, its catalogue, and the files that the catalogue names."""

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from freshet import lake_checks
from freshet.errors import LakeError, MissingLakeError
from freshet.lake_checks import check_lake, new_lake_message, require_lake
from freshet.tables.catalog import restore_catalog

TABLE_NAMES = ("events", "histories")
HELD_MESSAGE = "the lake holds 2 tables, 1 release, records of days"  # other files in the folder do not count


@pytest.fixture
def lake(tmp_path) -> Path:
    """As a run leaves it: two tables that were written twice, a day's record, a release, and the catalogue."""
    root = tmp_path / "lake"
    rows = []
    for table in TABLE_NAMES:
        metadata = root / "tables" / "shop" / table / "metadata"
        metadata.mkdir(parents=True)
        for version in ("00000", "00001"):
            (metadata / f"{version}-a.metadata.json").write_text("{}")
        rows.append(("lake", "shop", table, f"{metadata}/00001-a.metadata.json"))
    write_record(root, snapshot=7)
    (root / "releases").mkdir()
    (root / "releases" / "00000001.json").write_text("{}")
    (root / "releases" / "00000001.json.bak").write_text("{}")
    register_tables(root, rows)
    return root


def write_record(root: Path, snapshot: int | None) -> None:
    folder = root / "days" / "events"
    folder.mkdir(parents=True)
    (folder / "2024-03-01_2024-03-01_x_y.json").write_text(json.dumps({"snapshot": snapshot}))


def register_tables(root: Path, rows: list[tuple[str, ...]]) -> None:
    with sqlite3.connect(root / "catalog.db") as connection:
        connection.execute("CREATE TABLE iceberg_tables (catalog_name, table_namespace, table_name, metadata_location)")
        connection.executemany("INSERT INTO iceberg_tables VALUES (?, ?, ?, ?)", rows)
    connection.close()


def refusal_message(root: Path) -> str:
    with pytest.raises(LakeError) as exc_info:
        check_lake(str(root))
    return f"{exc_info.value.where}: {exc_info.value.what}"


def test_a_sound_lake_passes(lake):
    check_lake(str(lake))


def test_a_catalogue_that_another_process_holds_is_in_use_and_not_damaged(lake, monkeypatch):
    monkeypatch.setattr(lake_checks, "LOCK_TIMEOUT_S", 0.1)
    with contextlib.closing(sqlite3.connect(lake / "catalog.db", isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        assert refusal_message(lake) == f"{lake}: its catalogue is in use (database is locked)"
        with pytest.raises(LakeError, match="in use"):
            restore_catalog(str(lake))


def damage_with(content: bytes) -> Callable[[Path], None]:
    return lambda catalog: catalog.write_bytes(content)


def truncate_catalog(catalog: Path) -> None:
    catalog.write_bytes(catalog.read_bytes()[:3000])


def empty_catalog(catalog: Path) -> None:
    with sqlite3.connect(catalog) as connection:
        connection.execute("DELETE FROM iceberg_tables")
    connection.close()


@pytest.mark.parametrize(
    ("harm", "what"),
    [
        (Path.unlink, f"is missing, but {HELD_MESSAGE}: a new catalogue would hide them"),
        (damage_with(b""), f"lists no table, but {HELD_MESSAGE}"),
        (empty_catalog, f"lists no table, but {HELD_MESSAGE}"),
        (damage_with(b"no database at all" * 99), "cannot be read (file is not a database)"),
        (truncate_catalog, "cannot be read (database disk image is malformed)"),
    ],
)
def test_a_catalogue_that_is_missing_empty_or_damaged_is_refused(lake, harm, what):
    harm(lake / "catalog.db")
    assert refusal_message(lake) == f"{lake}/catalog.db: {what}"


@pytest.mark.parametrize("trace", ["tables", "days", "releases"])
def test_each_trace_of_a_run_is_enough(lake, trace):
    (lake / "catalog.db").unlink()
    for other_trace in {"tables", "days", "releases"} - {trace}:
        shutil.rmtree(lake / other_trace)
    assert "is missing, but the lake holds" in refusal_message(lake)


def test_a_lake_in_which_nothing_was_published_yet_needs_no_catalogue(tmp_path):
    (tmp_path / "landing").mkdir()
    check_lake(str(tmp_path))
    write_record(tmp_path, snapshot=None)  # a day whose files could not be read
    created = tmp_path / "tables" / "shop" / "events" / "metadata"
    created.mkdir(parents=True)
    (created / "00000-a.metadata.json").write_text("{}")  # the run was killed before the commit to the catalogue
    check_lake(str(tmp_path))
    (tmp_path / "catalog.db").touch()
    check_lake(str(tmp_path))


def test_a_moved_lake_names_its_former_folder_and_works_through_a_link(lake, tmp_path):
    moved_lake = lake.rename(tmp_path / "new place")
    with pytest.raises(LakeError) as exc_info:
        check_lake(str(moved_lake))
    link = f"`ln -s '{moved_lake}' {lake}`"
    assert str(exc_info.value) == (
        f"{moved_lake} (FRESHET_LAKE): was moved here from {lake}: "
        f"its tables name their files by their full path there; "
        f"move it back, or make the old name a link to it ({link})"
    )
    lake.symlink_to(moved_lake)
    check_lake(str(moved_lake))
    check_lake(str(lake))


def test_a_copy_of_a_lake_that_would_write_into_the_original_is_refused(lake, tmp_path):
    copy = shutil.copytree(lake, tmp_path / "copy")
    assert refusal_message(copy) == (
        f"{copy} (FRESHET_LAKE): is a copy of {lake}: its tables name their files there, "
        "and would be read and written there"
    )


def test_a_catalogue_with_missing_tables_is_refused(lake):
    shutil.rmtree(lake / "tables")
    path = f"{lake}/tables/shop/events/metadata/00001-a.metadata.json"
    assert refusal_message(lake) == f"{path}: is missing, but {lake}/catalog.db names it as the state of shop/events"


def test_a_lake_in_a_folder_that_cannot_be_written_is_looked_at_all_the_same(lake, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    check_lake(str(lake))


def test_a_missing_lake_is_named(tmp_path):
    with pytest.raises(MissingLakeError) as exc_info:
        require_lake(str(tmp_path / "lkae"))
    assert str(exc_info.value) == (
        f"{tmp_path}/lkae (FRESHET_LAKE): there is no such folder; correct FRESHET_LAKE (`freshet settings` shows its "
        "source), or begin a lake: `freshet land FILE…`"
    )


def test_a_file_is_no_lake(tmp_path):
    (tmp_path / "lake").write_text("")
    for check in (require_lake, new_lake_message):
        with pytest.raises(
            MissingLakeError, match=r"lake \(FRESHET_LAKE\): is a file, not a folder; correct FRESHET_LAKE"
        ):
            check(str(tmp_path / "lake"))


def test_a_new_lake_begins_only_in_a_folder_that_is_there(tmp_path):
    root = tmp_path / "lake"
    assert new_lake_message(str(root)) == f"a new lake begins at {root} (FRESHET_LAKE)"
    root.mkdir()
    assert new_lake_message(str(root)) == ""
    with pytest.raises(MissingLakeError) as exc_info:
        new_lake_message(str(tmp_path / "dsik" / "lake"))
    assert str(exc_info.value) == (
        f"{tmp_path}/dsik/lake (FRESHET_LAKE): neither it nor its parent folder exists ({tmp_path}/dsik); "
        "correct FRESHET_LAKE (`freshet settings`), mount its disk, or make its parent folder: "
        f"`mkdir -p {tmp_path}/dsik`"
    )


def test_a_lake_on_s3_is_not_checked():
    for check in (require_lake, check_lake, new_lake_message):
        assert not check("s3://bucket/lake")
