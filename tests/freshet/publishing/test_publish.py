"""A frame on its way to its readers: day by day through the gate, every verdict written down."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pandas as pd
import pytest

from freshet.publishing.publish import add_derived_columns, add_index_columns, publish_days, publish_unpartitioned
from freshet.store import open_store
from freshet.tables import day_records, iceberg
from freshet.tables.day_records import DayRecord
from freshet.tables.schemas import ITEMS, VOCABULARY
from tests import tiny_lake
from tests.world import DAY1, DAY2, DAY3, DAYS

NOON = datetime(2024, 3, 10, 12, tzinfo=UTC)
AGREEING_INPUTS = {"days_off": 0, "days_off_why": "nothing"}
UPSTREAM_OK = {"upstream_missing": dict.fromkeys(DAYS, 0), "upstream_why": dict.fromkeys(DAYS, "")}
NEGATIVE_PRICE_MESSAGE = (
    "1 of 1 prices are negative; this is a fault of Freshet, not of your data: keep the stage and report it"
)


def profile_frame(*days: date, **columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame(columns, index=list(days))


def test_counts_that_differ_from_what_is_expected_are_off():
    counts = profile_frame(DAY1, DAY2, counted=[4, 4])
    actual = add_derived_columns(counts, {"expected": {DAY1: 4, DAY2: 6}})
    assert list(actual["off"]) == [0, 2]
    assert list(counts.columns) == ["counted"]  # what was handed in is left as it is


def test_where_nothing_is_counted_rows_are_held_against_what_is_expected():
    assert list(add_derived_columns(profile_frame(DAY1, rows=[3]), {"expected": {DAY1: 1}})["off"]) == [2]


def test_what_is_lost_and_the_bad_share_follow_from_the_accounts():
    counts = profile_frame(DAY1, DAY2, DAY3, rows=[4, 3, 0])
    accounts = {"landed": [7, 5, 0], "skipped": [1, 0, 0], "quarantined": [1, 1, 0], "duplicate": [1, 0, 0]}
    result = add_derived_columns(
        counts, {name: dict(zip(DAYS, values, strict=True)) for name, values in accounts.items()}
    )
    assert list(result["candidates"]) == [6, 5, 0]
    assert list(result["lost"]) == [0, 1, 0]
    assert list(result["bad_share"].fillna(-1)) == [1 / 6, 0.2, -1]


def test_rows_that_appear_from_nowhere_are_as_bad_as_lost_ones():
    counts = profile_frame(DAY1, rows=[9], landed=[5], skipped=[0], quarantined=[0], duplicate=[0])
    assert list(add_derived_columns(counts, {})["lost"]) == [4]


def test_files_without_rows_are_silent_unless_the_day_was_not_read_for_a_broken_one():
    counts = profile_frame(
        DAY1, DAY2, files=[3, 3], files_read=[2, 0], broken_files=[0, 1], skipped=[0, 0], rows=[9, 0]
    )
    assert list(add_derived_columns(counts, {})["silent_files"]) == [1, 0]


def test_the_share_without_a_title_is_empty_where_there_are_no_items():
    shares = add_derived_columns(profile_frame(DAY1, DAY2, rows=[4, 0], untitled=[1, 0]), {})["untitled_share"]
    assert list(shares.fillna(-1)) == [0.25, -1]


@pytest.mark.parametrize(
    ("lowest", "highest", "rows", "shared", "gaps"),
    [(1, 4, 4, 0, 0), (1, 5, 4, 0, 1), (0, 3, 4, 0, 2), (2, 4, 3, 0, 2), (1, 3, 4, 1, 2), (0, 0, 0, 0, 0)],
)
def test_indexes_are_dense_when_they_run_from_one_to_the_number_of_items(lowest, highest, rows, shared, gaps):
    counts = pd.DataFrame([{"lowest": lowest, "highest": highest, "rows": rows, "shared_indexes": shared}])
    assert list(add_index_columns(counts)["gaps"]) == [gaps]


@pytest.mark.parametrize(
    ("lowest", "highest", "latest", "unknown", "late"),
    [(1, 4, 19785, 0, 0), (0, 4, 19785, 1, 0), (1, 5, 19785, 1, 0), (1, 4, 19786, 0, 1)],
)
def test_a_training_set_knows_its_items_and_nothing_landed_later(lowest, highest, latest, unknown, late):
    row = {"lowest_index": lowest, "highest_index": highest, "vocabulary": 4, "latest_day": latest}
    actual = add_index_columns(pd.DataFrame([{**row, "as_of": "2024-03-03"}]))
    assert (list(actual["unknown_items"]), list(actual["late"])) == ([unknown], [late])


@pytest.fixture(scope="module")
def shared_lake(spark, tmp_path_factory):
    """A lake that the tests below share; each of them looks at days of its own."""
    settings = tiny_lake.shop_settings(tmp_path_factory.mktemp("publication"))
    return tiny_lake.lake_session(spark, settings), settings, open_store(settings.lake)


def item_prices(spark, *rows):
    return spark.createDataFrame(
        [(item, "T", None, Decimal(price), day, None) for item, price, day in rows], ITEMS.spark_schema
    )


def published_prices(spark, days):
    return sorted((row.item_id, row.landing_date) for row in iceberg.read_published(spark, ITEMS, days).collect())


@pytest.mark.spark
def test_in_a_range_the_bad_day_is_left_out_and_good_days_are_published(lake_of):
    spark, settings, store = lake_of
    expected = {**UPSTREAM_OK, "expected": dict.fromkeys(DAYS, 1)}
    before = item_prices(spark, ("old", 1, DAY2))
    publish_days(before, ITEMS, [DAY2], expected, settings, store, NOON)
    mixed_rows = item_prices(spark, ("a", 1, DAY1), ("b", -1, DAY2), ("c", 1, DAY3))
    publish_result = publish_days(mixed_rows, ITEMS, DAYS, expected, settings, store, NOON.replace(hour=13))
    assert (publish_result.published, publish_result.refused, publish_result.rows) == (
        (DAY1, DAY3),
        {"2024-03-02": [NEGATIVE_PRICE_MESSAGE]},
        2,
    )
    assert publish_result.message() == f"items 2024-03-02: {NEGATIVE_PRICE_MESSAGE}"
    assert published_prices(spark, DAYS) == [("a", DAY1), ("c", DAY3), ("old", DAY2)]
    assert publish_result.snapshot == iceberg.current_snapshot(spark, ITEMS)
    counts = {"rows": 1, "repeated": 0, "bad_prices": 0, "untitled": 0, "upstream_missing": 0, "expected": 1, "off": 0}
    assert day_records.latest_records(store, "items") == {
        DAY1: DayRecord(day=DAY1, verdict="published", counts=counts),
        DAY2: DayRecord(day=DAY2, verdict="refused", counts={**counts, "bad_prices": 1}, why=(NEGATIVE_PRICE_MESSAGE,)),
        DAY3: DayRecord(day=DAY3, verdict="published", counts=counts),
    }


@pytest.mark.spark
def test_where_every_day_is_bad_production_stays_as_it_was(lake_of):
    spark, settings, store = lake_of
    april = [date(2024, 4, 1), date(2024, 4, 2)]
    upstream_inputs = {"upstream_missing": dict.fromkeys(april, 0), "upstream_why": dict.fromkeys(april, "")}
    good_rows = item_prices(spark, *(("good", 1, day) for day in april))
    first = publish_days(
        good_rows, ITEMS, april, {**upstream_inputs, "expected": dict.fromkeys(april, 1)}, settings, store, NOON
    )
    publish_result = publish_days(
        good_rows, ITEMS, april, {**upstream_inputs, "expected": dict.fromkeys(april, 2)}, settings, store, NOON
    )
    assert (publish_result.published, publish_result.rows) == ((), 0)
    assert publish_result.message().splitlines() == [
        f"items {day}: 1 items where events have 2; materialize events and this table of that day in one run"
        for day in april
    ]
    assert publish_result.snapshot == first.snapshot
    assert published_prices(spark, april) == [("good", day) for day in april]


@pytest.mark.spark
def test_a_day_refused_upstream_says_why_and_keeps_the_rows_it_had(lake_of):
    spark, settings, store = lake_of
    may = date(2024, 5, 1)
    upstream_inputs = {"upstream_missing": {may: 0}, "upstream_why": {may: ""}, "expected": {may: 1}}
    publish_days(item_prices(spark, ("kept", 1, may)), ITEMS, [may], upstream_inputs, settings, store, NOON)
    refused_inputs = {"upstream_missing": {may: 1}, "upstream_why": {may: "events of that day were refused (x)"}}
    no_rows = item_prices(spark, ("x", 1, DAY1)).limit(0)
    publish_result = publish_days(
        no_rows, ITEMS, [may], {**refused_inputs, "expected": {may: 0}}, settings, store, NOON
    )
    assert publish_result.message() == (
        "items 2024-05-01: events of that day were refused (x); "
        "materialize events of that day first, or mend what its gate refused"
    )
    assert published_prices(spark, [may]) == [("kept", may)]


def vocabulary_rows(spark, *rows):
    return spark.createDataFrame(
        [(i, n, DAY1, None, None, None, False, 1, None) for i, n in rows], VOCABULARY.spark_schema
    )


@pytest.mark.spark
def test_a_table_without_days_is_published_whole_or_not_at_all(lake_of):
    spark, settings, _ = lake_of
    good_result = publish_unpartitioned(
        vocabulary_rows(spark, ("a", 1), ("b", 2)), VOCABULARY, lambda staged: {"moved": 0, **AGREEING_INPUTS}, settings
    )
    assert (good_result.rows, good_result.refused, good_result.message()) == (2, {}, "")
    bad_result = publish_unpartitioned(
        vocabulary_rows(spark, ("a", 2), ("b", 1), ("c", 3)),
        VOCABULARY,
        lambda staged: {"moved": staged.count() - 1, **AGREEING_INPUTS},
        settings,
    )
    says = (
        "2 published items lost or changed their index; start a new generation: launchpad, vocabulary, "
        "`new_generation: true`"
    )
    assert (bad_result.rows, bad_result.snapshot, bad_result.refused) == (0, None, {"vocabulary": [says]})
    assert bad_result.message() == f"vocabulary: {says}"
    assert sorted(row.item_id for row in iceberg.read_published(spark, VOCABULARY).collect()) == ["a", "b"]
