"""Stage, check and publish: good days, bad days and their records."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from freshet.publishing.publish import DayRows, publish_days, publish_unpartitioned
from freshet.store import open_store
from freshet.tables import day_records, iceberg
from freshet.tables.day_records import DayRecord
from freshet.tables.schemas import ITEMS, VOCABULARY
from tests import tiny_lake
from tests.gate_cases import refusal_reason
from tests.world import DAY1, DAY2, DAY3, DAYS

NOON = datetime(2024, 3, 10, 12, tzinfo=UTC)
AGREEING_INPUTS = {"mismatched_days": 0, "mismatched_days_details": "nothing"}
UPSTREAM_OK = {"upstream_missing": dict.fromkeys(DAYS, 0), "upstream_reason": dict.fromkeys(DAYS, "")}
NEGATIVE_PRICE_MESSAGE = refusal_reason("items", "prices_are_not_negative", negative_prices=1, rows=1)


@pytest.fixture(scope="module")
def shared_lake(spark, tmp_path_factory):
    """A lake that the tests below share; each uses other days."""
    settings = tiny_lake.shop_settings(tmp_path_factory.mktemp("publication"))
    return tiny_lake.lake_session(spark, settings), settings, open_store(settings.lake)


def item_prices(spark, *rows):
    return spark.createDataFrame(
        [(item, "T", None, Decimal(price), day, None) for item, price, day in rows], ITEMS.spark_schema
    )


def published_prices(spark, days):
    return sorted((row.item_id, row.landing_date) for row in iceberg.read_published(spark, ITEMS, days).collect())


@pytest.mark.spark
def test_good_days_of_a_range_are_published_without_the_bad_day(shared_lake):
    spark, settings, store = shared_lake
    expected = {**UPSTREAM_OK, "expected": dict.fromkeys(DAYS, 1)}
    before = item_prices(spark, ("old", 1, DAY2))
    publish_days(DayRows(before, ITEMS, [DAY2], expected), settings, store, NOON)
    mixed_rows = item_prices(spark, ("a", 1, DAY1), ("b", -1, DAY2), ("c", 1, DAY3))
    publish_result = publish_days(DayRows(mixed_rows, ITEMS, DAYS, expected), settings, store, NOON.replace(hour=13))
    assert (publish_result.published, publish_result.refused, publish_result.rows) == (
        (DAY1, DAY3),
        {"2024-03-02": [NEGATIVE_PRICE_MESSAGE]},
        2,
    )
    assert publish_result.message() == f"items 2024-03-02: {NEGATIVE_PRICE_MESSAGE}"
    assert published_prices(spark, DAYS) == [("a", DAY1), ("c", DAY3), ("old", DAY2)]
    assert publish_result.snapshot == iceberg.current_snapshot(spark, ITEMS)
    counts = {
        "rows": 1,
        "repeated": 0,
        "negative_prices": 0,
        "untitled": 0,
        "upstream_missing": 0,
        "expected": 1,
        "count_mismatch": 0,
    }
    assert day_records.latest_records(store, "items") == {
        DAY1: DayRecord(day=DAY1, verdict="published", counts=counts),
        DAY2: DayRecord(
            day=DAY2, verdict="refused", counts={**counts, "negative_prices": 1}, why=(NEGATIVE_PRICE_MESSAGE,)
        ),
        DAY3: DayRecord(day=DAY3, verdict="published", counts=counts),
    }


@pytest.mark.spark
def test_if_every_day_is_refused_the_published_rows_are_unchanged(shared_lake):
    spark, settings, store = shared_lake
    april = [date(2024, 4, 1), date(2024, 4, 2)]
    upstream_inputs = {"upstream_missing": dict.fromkeys(april, 0), "upstream_reason": dict.fromkeys(april, "")}
    good_rows = item_prices(spark, *(("good", 1, day) for day in april))
    first = publish_days(
        DayRows(good_rows, ITEMS, april, {**upstream_inputs, "expected": dict.fromkeys(april, 1)}),
        settings,
        store,
        NOON,
    )
    publish_result = publish_days(
        DayRows(good_rows, ITEMS, april, {**upstream_inputs, "expected": dict.fromkeys(april, 2)}),
        settings,
        store,
        NOON,
    )
    assert (publish_result.published, publish_result.rows) == ((), 0)
    reason = refusal_reason("items", "items_match_events", rows=1, expected=2)
    assert publish_result.message().splitlines() == [f"items {day}: {reason}" for day in april]
    assert publish_result.snapshot == first.snapshot
    assert published_prices(spark, april) == [("good", day) for day in april]


@pytest.mark.spark
def test_a_day_refused_upstream_gives_the_reason_and_keeps_its_rows(shared_lake):
    spark, settings, store = shared_lake
    may = date(2024, 5, 1)
    upstream_inputs = {"upstream_missing": {may: 0}, "upstream_reason": {may: ""}, "expected": {may: 1}}
    publish_days(DayRows(item_prices(spark, ("kept", 1, may)), ITEMS, [may], upstream_inputs), settings, store, NOON)
    refused_inputs = {"upstream_missing": {may: 1}, "upstream_reason": {may: "events of that day were refused (x)"}}
    no_rows = item_prices(spark, ("x", 1, DAY1)).limit(0)
    publish_result = publish_days(
        DayRows(no_rows, ITEMS, [may], {**refused_inputs, "expected": {may: 0}}), settings, store, NOON
    )
    reason = refusal_reason("items", "events_are_published", upstream_reason="events of that day were refused (x)")
    assert publish_result.message() == f"items 2024-05-01: {reason}"
    assert published_prices(spark, [may]) == [("kept", may)]


def vocabulary_rows(spark, *rows):
    return spark.createDataFrame(
        [(i, n, DAY1, None, None, None, False, 1, None) for i, n in rows], VOCABULARY.spark_schema
    )


@pytest.mark.spark
def test_a_table_without_days_is_published_completely_or_not_at_all(shared_lake):
    spark, settings, _ = shared_lake
    good_result = publish_unpartitioned(
        vocabulary_rows(spark, ("a", 1), ("b", 2)),
        VOCABULARY,
        lambda staged: {"reindexed_items": 0, **AGREEING_INPUTS},
        settings,
    )
    assert (good_result.rows, good_result.refused, good_result.message()) == (2, {}, "")
    bad_result = publish_unpartitioned(
        vocabulary_rows(spark, ("a", 2), ("b", 1), ("c", 3)),
        VOCABULARY,
        lambda staged: {"reindexed_items": staged.count() - 1, **AGREEING_INPUTS},
        settings,
    )
    says = refusal_reason("vocabulary", "indexes_never_move", reindexed_items=2)
    assert (bad_result.rows, bad_result.snapshot, bad_result.refused) == (0, None, {"vocabulary": [says]})
    assert bad_result.message() == f"vocabulary: {says}"
    assert sorted(row.item_id for row in iceberg.read_published(spark, VOCABULARY).collect()) == ["a", "b"]
