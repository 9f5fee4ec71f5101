"""The catalogue is lost: the lake is refused, and made readable again from the tables' own metadata."""

import shutil
from pathlib import Path

import pytest

from freshet.errors import LakeError
from freshet.tables.catalog import restore_catalog
from freshet.tables.reading import scan
from tests import tiny_lake
from tests.world import DAY1, DAY2, DELIVERIES, KEY

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def first_day(spark, tmp_path_factory):
    """A lake whose first day is in raw_events; and Spark on it."""
    from freshet.tables.mapping import read

    settings = tiny_lake.shop(tmp_path_factory.mktemp("lost"))
    tiny_lake.deliver(settings, DAY1, DELIVERIES[DAY1])
    own = tiny_lake.session_on(spark, settings)
    tiny_lake.day_run(own, settings, [DAY1]).raw_events(read(settings.mapping), KEY)
    return own, settings


def lose(root: Path) -> None:
    for path in root.glob("catalog.db*"):
        path.unlink()


def test_without_its_catalogue_a_lake_is_refused_by_every_reader_and_no_new_one_is_made(first_day):
    from resources.lake import Lake

    _, settings = first_day
    lose(Path(settings.lake))
    for use in (lambda: scan(settings, "raw_events"), lambda: Lake(settings).spark):
        with pytest.raises(LakeError, match=r"catalog\.db: is missing, but the lake holds 1 table, records of days"):
            use()
    assert not (Path(settings.lake) / "catalog.db").exists()
    restore_catalog(settings.lake)


def test_a_restored_catalogue_gives_every_row_again_and_the_next_day_is_run_on_it(first_day, spark):
    from freshet.tables.mapping import read

    own, settings = first_day
    before = tiny_lake.rows_of(own, "raw_events")
    lose(Path(settings.lake))
    assert [table.name for table in restore_catalog(settings.lake)] == ["raw_events"]
    own = tiny_lake.session_on(spark, settings)  # the other one still has the lost file open
    assert tiny_lake.rows_of(own, "raw_events") == before
    assert len(scan(settings, "raw_events")) == len(before) > 0
    tiny_lake.deliver(settings, DAY2, DELIVERIES[DAY2])
    tiny_lake.day_run(own, settings, [DAY2]).raw_events(read(settings.mapping), KEY)
    days = {row["landing_date"] for row in scan(settings, "raw_events").to_pylist()}
    assert days == {DAY1, DAY2}


def test_a_damaged_catalogue_is_kept_beside_the_new_one(first_day):
    _, settings = first_day
    lose(Path(settings.lake))
    (Path(settings.lake) / "catalog.db").write_text("rubbish" * 200)
    restore_catalog(settings.lake)
    (kept,) = Path(settings.lake).glob("catalog.db.*")
    assert kept.read_text() == "rubbish" * 200
    kept.unlink()
    assert len(scan(settings, "raw_events")) > 0


def test_a_whole_catalogue_is_left_alone(first_day):
    _, settings = first_day
    before = (Path(settings.lake) / "catalog.db").read_bytes()
    with pytest.raises(LakeError, match="there is nothing to restore: it is whole"):
        restore_catalog(settings.lake)
    assert (Path(settings.lake) / "catalog.db").read_bytes() == before


def test_where_the_last_state_is_not_certain_nothing_is_entered(first_day, tmp_path):
    _, settings = first_day
    root = Path(settings.lake)
    lose(root)
    metadata = root / "tables" / "shop" / "raw_events" / "metadata"
    last = max(metadata.glob("*.metadata.json"))
    twin = metadata / f"{last.name.partition('-')[0]}-0.metadata.json"
    try:
        shutil.copy(last, twin)
        with pytest.raises(LakeError, match="which is last is not certain"):
            restore_catalog(settings.lake)
        twin.unlink()
        older = last.rename(tmp_path / last.name)  # the tables' folder is older than the records of the days
        while len(list(metadata.glob("*.metadata.json"))) > 1:
            max(metadata.glob("*.metadata.json")).rename(tmp_path / max(metadata.glob("*.metadata.json")).name)
        with pytest.raises(LakeError, match="does not know the snapshot of the last run"):
            restore_catalog(settings.lake)
        assert older.exists()
    finally:
        twin.unlink(missing_ok=True)
        for path in tmp_path.glob("*.metadata.json"):
            path.rename(metadata / path.name)
    assert not (root / "catalog.db").exists()
    restore_catalog(settings.lake)


def test_a_copy_without_its_catalogue_is_not_restored_to_the_originals_files(first_day, tmp_path):
    _, settings = first_day
    copy = Path(shutil.copytree(settings.lake, tmp_path / "copy"))
    lose(copy)
    with pytest.raises(LakeError, match=f"is a copy of {settings.lake}"):
        restore_catalog(str(copy))
    assert not list(copy.glob("catalog.db*"))
