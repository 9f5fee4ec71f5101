"""Write, audit, publish on a table of two columns: visible rows, conflicts, failures."""

import subprocess
from datetime import date
from pathlib import Path
from zlib import crc32

import pytest

from freshet.data.columns import LANDING_DATE
from freshet.errors import LakeError
from freshet.tables import iceberg
from freshet.tables.schemas import Table, TableColumn
from tests.world import DAY1, DAY2, DAY3

pytestmark = pytest.mark.spark

DAY4 = date(2024, 3, 4)
NOTES_TABLE = Table(
    "notes", "Notes.", (TableColumn("note", "string", "what was noted"), TableColumn(LANDING_DATE, "date", "the day"))
)
TOTALS_TABLE = Table(
    "totals", "Totals.", (TableColumn("name", "string", "whose"), TableColumn("total", "int", "how many")), daily=False
)


@pytest.fixture(scope="module")
def notes_session(spark, tmp_path_factory):
    """A session on a lake that the tests of this file share."""
    from tests import tiny_lake

    return tiny_lake.lake_session(spark, tiny_lake.shop_settings(tmp_path_factory.mktemp("notes")))


@pytest.fixture
def own_table(notes_session, request):
    """Another table for each test, so that no test reads another's snapshots."""
    return Table(f"notes_{crc32(request.node.name.encode())}", NOTES_TABLE.description, NOTES_TABLE.columns)


def notes_frame(spark, *rows):
    return spark.createDataFrame(list(rows), NOTES_TABLE.spark_schema).coalesce(1)  # one task is quicker than four


def stage_rows(spark, table, days, *rows):
    return iceberg.write(notes_frame(spark, *rows), table, days)


def publish_rows(spark, table, days, *rows):
    return iceberg.publish_stage(spark, stage_rows(spark, table, days, *rows))


def published_rows(spark, table, *days):
    return sorted(tuple(row) for row in iceberg.read_published(spark, table, days).collect())


def test_staged_rows_are_seen_by_their_gate_only(notes_session, own_table):
    first = publish_rows(notes_session, own_table, [DAY1, DAY3], ("old", DAY1), ("old", DAY3))
    stage_rows(notes_session, own_table, [DAY1], ("rejected", DAY1))
    staged = stage_rows(notes_session, own_table, [DAY1, DAY2], ("new", DAY1), ("more", DAY2))
    assert sorted(tuple(row) for row in iceberg.read_staged(notes_session, staged).collect()) == [
        ("more", DAY2),
        ("new", DAY1),
    ]
    assert published_rows(notes_session, own_table) == [("old", DAY1), ("old", DAY3)]
    assert iceberg.current_snapshot(notes_session, own_table) == first
    assert iceberg.publish_stage(notes_session, staged) == iceberg.current_snapshot(notes_session, own_table) != first
    assert published_rows(notes_session, own_table) == [("more", DAY2), ("new", DAY1), ("old", DAY3)]
    assert sorted(tuple(row) for row in iceberg.read_snapshot(notes_session, own_table, first).collect()) == [
        ("old", DAY1),
        ("old", DAY3),
    ]


def test_two_attempts_at_one_day_the_second_is_refused_and_the_firsts_rows_stay(notes_session, own_table):
    publish_rows(notes_session, own_table, [DAY1], ("old", DAY1))
    first_attempt, second_attempt = (
        stage_rows(notes_session, own_table, [DAY1], ("one", DAY1)),
        stage_rows(notes_session, own_table, [DAY1], ("other", DAY1)),
    )
    iceberg.publish_stage(notes_session, first_attempt)
    with pytest.raises(LakeError) as exc_info:
        iceberg.publish_stage(notes_session, second_attempt)
    assert str(exc_info.value) == (
        f"{own_table.name} 2024-03-01: another run published the same days meanwhile; this attempt is dropped, "
        "readers see the other run's rows; run it again if you want this run's rows instead"
    )
    assert published_rows(notes_session, own_table) == [("one", DAY1)]
    publish_rows(notes_session, own_table, [DAY1], ("again", DAY1))
    assert published_rows(notes_session, own_table) == [("again", DAY1)]


def test_two_attempts_at_a_day_that_had_no_rows_clash_as_well(notes_session, own_table):
    publish_rows(notes_session, own_table, [DAY1], ("old", DAY1))
    first_attempt, second_attempt = (
        stage_rows(notes_session, own_table, [DAY2], ("one", DAY2)),
        stage_rows(notes_session, own_table, [DAY2], ("other", DAY2)),
    )
    iceberg.publish_stage(notes_session, first_attempt)
    with pytest.raises(
        LakeError, match=rf"^{own_table.name} 2024-03-02: another run published the same days meanwhile;"
    ):
        iceberg.publish_stage(notes_session, second_attempt)
    assert published_rows(notes_session, own_table) == [("old", DAY1), ("one", DAY2)]


def test_ranges_that_share_a_day_conflict_and_the_second_is_not_published(notes_session, own_table):
    publish_rows(notes_session, own_table, [DAY1], ("old", DAY1))
    first_attempt = stage_rows(notes_session, own_table, [DAY1, DAY2], ("one", DAY1), ("one", DAY2))
    second_attempt = stage_rows(notes_session, own_table, [DAY2, DAY3], ("other", DAY2), ("other", DAY3))
    iceberg.publish_stage(notes_session, first_attempt)
    with pytest.raises(
        LakeError, match=rf"^{own_table.name} 2024-03-02…2024-03-03: another run published the same days"
    ):
        iceberg.publish_stage(notes_session, second_attempt)
    assert published_rows(notes_session, own_table) == [("one", DAY1), ("one", DAY2)]


def test_another_day_published_meanwhile_is_no_clash(notes_session, own_table):
    publish_rows(notes_session, own_table, [DAY1], ("old", DAY1))
    staged = stage_rows(notes_session, own_table, [DAY1], ("new", DAY1))
    publish_rows(notes_session, own_table, [DAY2], ("meanwhile", DAY2))
    iceberg.publish_stage(notes_session, staged)
    assert published_rows(notes_session, own_table) == [("meanwhile", DAY2), ("new", DAY1)]


def test_a_day_run_again_is_replaced_and_other_days_are_not_touched(notes_session, own_table):
    publish_rows(notes_session, own_table, [DAY1, DAY2], ("a", DAY1), ("b", DAY1), ("c", DAY2))
    publish_rows(notes_session, own_table, [DAY1], ("a", DAY1))
    assert published_rows(notes_session, own_table) == [("a", DAY1), ("c", DAY2)]


def test_a_day_that_became_empty_is_staged_empty_and_loses_its_rows(notes_session, own_table):
    publish_rows(notes_session, own_table, [DAY1, DAY2, DAY3], ("a", DAY1), ("b", DAY2), ("c", DAY3))
    staged = stage_rows(notes_session, own_table, [DAY1, DAY2], ("new", DAY1))
    assert [tuple(row) for row in iceberg.read_staged(notes_session, staged).collect()] == [("new", DAY1)]
    iceberg.publish_stage(notes_session, staged)
    assert published_rows(notes_session, own_table) == [("c", DAY3), ("new", DAY1)]
    publish_rows(notes_session, own_table, [DAY3])
    assert published_rows(notes_session, own_table) == [("new", DAY1)]


def test_only_the_given_days_of_a_range_are_published(notes_session, own_table):
    publish_rows(notes_session, own_table, [DAY2, DAY4], ("kept", DAY2), ("kept", DAY4))
    staged = stage_rows(notes_session, own_table, [DAY1, DAY2, DAY3, DAY4], ("a", DAY1), ("bad", DAY2), ("c", DAY3))
    iceberg.publish_stage(notes_session, staged, [DAY1, DAY3])  # day 2 is bad, and so is day 4, because it is empty
    assert published_rows(notes_session, own_table) == [("a", DAY1), ("c", DAY3), ("kept", DAY2), ("kept", DAY4)]


def test_without_a_good_day_no_row_is_published(notes_session, own_table):
    first = publish_rows(notes_session, own_table, [DAY1], ("a", DAY1))
    assert (
        iceberg.publish_stage(notes_session, stage_rows(notes_session, own_table, [DAY1], ("bad", DAY1)), []) == first
    )
    assert published_rows(notes_session, own_table) == [("a", DAY1)]


def test_the_first_run_ever_may_be_empty(notes_session, own_table):
    assert publish_rows(notes_session, own_table, [DAY1]) is None
    assert published_rows(notes_session, own_table) == []


def test_only_the_requested_days_are_read(notes_session, own_table):
    publish_rows(notes_session, own_table, [DAY1, DAY2, DAY4], ("a", DAY1), ("b", DAY2), ("d", DAY4))
    assert published_rows(notes_session, own_table, DAY1, DAY4) == [("a", DAY1), ("d", DAY4)]
    assert published_rows(notes_session, own_table, DAY2, DAY3) == [("b", DAY2)]


def test_many_days_are_one_file_each(notes_session, own_table):
    days = [date(2024, 3, day) for day in range(1, 13)]
    publish_rows(notes_session, own_table, days, *((f"{n}", day) for day in days for n in range(3)))
    files = notes_session.sql(
        f"SELECT partition.landing_date AS day, record_count FROM {iceberg.full_name(own_table)}.files"
    ).collect()
    assert sorted((row.day, row.record_count) for row in files) == [(day, 3) for day in days]


def test_a_table_without_days_is_replaced_completely(notes_session):
    def total_rows(*rows):
        return iceberg.publish_stage(
            notes_session,
            iceberg.write(notes_session.createDataFrame(list(rows), TOTALS_TABLE.spark_schema), TOTALS_TABLE),
        )

    total_rows(("a", 1), ("b", 2))
    total_rows(("a", 3))
    assert [tuple(row) for row in iceberg.read_published(notes_session, TOTALS_TABLE).collect()] == [("a", 3)]


def test_the_table_has_the_meanings_of_its_columns(notes_session, own_table):
    iceberg.ensure_table(notes_session, own_table)
    described = notes_session.sql(f"DESCRIBE {iceberg.full_name(own_table)}").collect()
    assert [(row.col_name, row.data_type, row.comment) for row in described][:2] == [
        ("note", "string", "what was noted"),
        ("landing_date", "date", "the day"),
    ]


def test_a_frame_that_cannot_be_computed_names_table_and_day(notes_session, own_table):
    failing_frame = notes_frame(notes_session, ("a", DAY1)).selectExpr(
        "raise_error('the source is gone') AS note", LANDING_DATE
    )
    with pytest.raises(LakeError) as exc_info:
        iceberg.write(failing_frame, own_table, [DAY1])
    assert str(exc_info.value) == (
        f"{own_table.name} 2024-03-01: Spark could not write it "
        "(SparkRuntimeException: [USER_RAISED_EXCEPTION] the source is gone); "
        "see the run's log, fix the cause, run it again"
    )
    assert notes_session.conf.get("spark.wap.id", None) is None
    assert published_rows(notes_session, own_table) == []


def test_a_damaged_catalogue_is_named(spark, tmp_path):
    from tests import tiny_lake

    settings = tiny_lake.shop_settings(tmp_path)
    (Path(settings.lake) / "catalog.db").write_bytes(b"no database" * 1000)
    with pytest.raises(LakeError) as exc_info:
        iceberg.ensure_table(tiny_lake.lake_session(spark, settings), NOTES_TABLE)
    assert str(exc_info.value) == (
        "notes: the lake's catalogue (catalog.db) is damaged; nothing was published, readers see what they saw before; "
        "restore catalog.db from a backup of the lake"
    )


@pytest.fixture
def small_disk_session(spark, tmp_path):
    """A lake on a disk of 6 MB."""
    from tests import tiny_lake

    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", tmp_path], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("no disk can be mounted here: that takes root")
    yield tiny_lake.lake_session(spark, tiny_lake.shop_settings(tmp_path))
    subprocess.run(["umount", "--lazy", tmp_path], check=True)


def test_a_full_disk_changes_no_published_row_and_the_next_run_succeeds(small_disk_session, tmp_path):
    ballast = tmp_path / "ballast"
    ballast.write_bytes(bytes(2_000_000))
    first = publish_rows(small_disk_session, NOTES_TABLE, [DAY1], ("old", DAY1))
    noise = small_disk_session.range(200_000).selectExpr(
        "sha2(string(id), 512) AS note", f"DATE '{DAY1}' AS landing_date"
    )
    with pytest.raises(LakeError) as exc_info:
        iceberg.write(noise, NOTES_TABLE, [DAY1])
    assert str(exc_info.value) == (
        "notes 2024-03-01: the disk is full; nothing was published, readers see what they saw before; "
        "free some space and run it again"
    )
    assert iceberg.current_snapshot(small_disk_session, NOTES_TABLE) == first
    assert published_rows(small_disk_session, NOTES_TABLE) == [("old", DAY1)]
    ballast.unlink()  # space is freed
    publish_rows(small_disk_session, NOTES_TABLE, [DAY1], ("new", DAY1))
    assert published_rows(small_disk_session, NOTES_TABLE) == [("new", DAY1)]


def test_a_table_of_an_older_freshet_gets_the_columns_it_lacks_and_keeps_its_rows(notes_session, own_table):
    publish_rows(notes_session, own_table, [DAY1], ("kept", DAY1))
    wider = Table(
        own_table.name, own_table.description, (*own_table.columns, TableColumn("mood", "string", "the writer’s"))
    )
    row = notes_session.createDataFrame([("new", DAY2, "glad")], wider.spark_schema)
    iceberg.publish_stage(notes_session, iceberg.write(row, wider, [DAY2]))
    actual = iceberg.read_published(notes_session, wider).orderBy("note").collect()
    assert [tuple(row) for row in actual] == [("kept", DAY1, None), ("new", DAY2, "glad")]
