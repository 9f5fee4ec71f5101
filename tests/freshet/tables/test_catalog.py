"""A lake without its catalogue is refused; the catalogue is restored from the tables' metadata."""

import shutil
from pathlib import Path

import pytest

from freshet.errors import LakeError
from freshet.tables.catalog import restore_catalog
from freshet.tables.reader import scan_table
from tests import tiny_lake
from tests.world import DAY1, DAY2, DELIVERIES, KEY

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def first_day_lake(spark, tmp_path_factory):
    """A lake whose first day is in raw_events; and Spark on it."""
    from freshet.ingest.mapping.source_mapping import read_mapping

    settings = tiny_lake.shop_settings(tmp_path_factory.mktemp("lost"))
    tiny_lake.deliver_files(settings, DAY1, DELIVERIES[DAY1])
    session = tiny_lake.lake_session(spark, settings)
    tiny_lake.day_run(session, settings, [DAY1]).publish_raw_events(read_mapping(settings.mapping), KEY)
    return session, settings


def lose_catalog(root: Path) -> None:
    for path in root.glob("catalog.db*"):
        path.unlink()


def test_every_reader_refuses_a_lake_without_its_catalogue(first_day_lake):
    from resources.lake import Lake

    _, settings = first_day_lake
    lose_catalog(Path(settings.lake))
    for use in (lambda: scan_table(settings, "raw_events"), lambda: Lake(settings).spark):
        with pytest.raises(LakeError, match=r"catalog\.db: is missing, but the lake holds 1 table, records of days"):
            use()
    assert not (Path(settings.lake) / "catalog.db").exists()
    restore_catalog(settings.lake)


def test_a_restored_catalogue_gives_every_row_again_and_the_next_day_is_run_on_it(first_day_lake, spark):
    from freshet.ingest.mapping.source_mapping import read_mapping

    session, settings = first_day_lake
    before = tiny_lake.published_rows(session, "raw_events")
    lose_catalog(Path(settings.lake))
    assert [table.name for table in restore_catalog(settings.lake)] == ["raw_events"]
    session = tiny_lake.lake_session(spark, settings)  # the other one still has the lost file open
    assert tiny_lake.published_rows(session, "raw_events") == before
    assert len(scan_table(settings, "raw_events")) == len(before) > 0
    tiny_lake.deliver_files(settings, DAY2, DELIVERIES[DAY2])
    tiny_lake.day_run(session, settings, [DAY2]).publish_raw_events(read_mapping(settings.mapping), KEY)
    days = {row["landing_date"] for row in scan_table(settings, "raw_events").to_pylist()}
    assert days == {DAY1, DAY2}


def test_a_damaged_catalogue_is_kept_beside_the_new_one(first_day_lake):
    _, settings = first_day_lake
    lose_catalog(Path(settings.lake))
    (Path(settings.lake) / "catalog.db").write_text("rubbish" * 200)
    restore_catalog(settings.lake)
    (backup,) = Path(settings.lake).glob("catalog.db.*")
    assert backup.read_text() == "rubbish" * 200
    backup.unlink()
    assert len(scan_table(settings, "raw_events")) > 0


def test_a_sound_catalogue_is_left_alone(first_day_lake):
    _, settings = first_day_lake
    before = (Path(settings.lake) / "catalog.db").read_bytes()
    with pytest.raises(LakeError, match="there is nothing to restore: it is sound"):
        restore_catalog(settings.lake)
    assert (Path(settings.lake) / "catalog.db").read_bytes() == before


def test_with_uncertain_latest_metadata_no_table_is_registered(first_day_lake, tmp_path):
    _, settings = first_day_lake
    root = Path(settings.lake)
    lose_catalog(root)
    metadata = root / "tables" / "shop" / "raw_events" / "metadata"
    last = max(metadata.glob("*.metadata.json"))
    twin = metadata / f"{last.name.partition('-')[0]}-0.metadata.json"
    try:
        shutil.copy(last, twin)
        with pytest.raises(LakeError, match="which one is the latest is not certain"):
            restore_catalog(settings.lake)
        twin.unlink()
        older_file = last.rename(tmp_path / last.name)  # the tables' folder is older than the records of the days
        while len(list(metadata.glob("*.metadata.json"))) > 1:
            max(metadata.glob("*.metadata.json")).rename(tmp_path / max(metadata.glob("*.metadata.json")).name)
        with pytest.raises(LakeError, match="does not contain the snapshot of the last run"):
            restore_catalog(settings.lake)
        assert older_file.exists()
    finally:
        twin.unlink(missing_ok=True)
        for path in tmp_path.glob("*.metadata.json"):
            path.rename(metadata / path.name)
    assert not (root / "catalog.db").exists()
    restore_catalog(settings.lake)


def test_a_copy_without_its_catalogue_is_not_restored_to_the_originals_files(first_day_lake, tmp_path):
    _, settings = first_day_lake
    copy = Path(shutil.copytree(settings.lake, tmp_path / "copy"))
    lose_catalog(copy)
    with pytest.raises(LakeError, match=f"is a copy of {settings.lake}"):
        restore_catalog(str(copy))
    assert not list(copy.glob("catalog.db*"))
