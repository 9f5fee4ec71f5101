"""Profiles of rows with every fault that a rule checks."""

from datetime import date
from decimal import Decimal

import pytest

from freshet.publishing.profiles import MEASURES, profile_stage
from freshet.tables import schemas
from tests.world import ANN, BOB, DAY1, DAY2, DAY3, DAY3_NUMBER, SESSION_2, moment

pytestmark = pytest.mark.spark


def profile_rows(spark, table, *rows, days=(DAY1,)):
    """The profile of these rows as plain values, one dictionary a day."""
    names = table.column_names
    frame = spark.createDataFrame([tuple(row.get(name) for name in names) for row in rows], table.spark_schema)
    profile_table = profile_stage(frame, table, days if table.daily else ())
    return list(profile_table.to_dict("index").values())


def event_row(**overrides):
    base = {
        "event_id": "e1", "item_id": "mug", "event_type": "view", "event_time": moment(1, 9), "shopper": ANN,
        "skipped": False, "landing_date": DAY1, "source_file": "a.csv", "source_row": 1, "source_position": 0,
    }  # fmt: skip
    return base | overrides


def test_every_table_has_measures():
    assert set(MEASURES) == {table.name for table in schemas.TABLES}


def test_raw_events(spark):
    rows = (
        event_row(user_id=ANN, session_id=SESSION_2),
        event_row(source_row=2, source_position=1, skipped=True),
        event_row(source_row=2, source_position=1, corrupt_record="x,"),
        event_row(source_file="b.csv", user_id="ann"),  # a bare id
        event_row(source_file="b.csv", source_row=2, session_id=ANN.upper()),  # no pseudonym either
    )
    assert profile_rows(spark, schemas.RAW_EVENTS, *rows) == [
        {"rows": 5, "skipped": 1, "unreadable": 1, "unhashed_ids": 2}
    ]


def test_quarantined_events(spark):
    rows = (
        event_row(reason="bad_price"),
        event_row(reason="bad_price"),
        event_row(reason="bad luck"),
        event_row(reason=None),
    )
    (profile_row,) = profile_rows(spark, schemas.QUARANTINED_EVENTS, *rows)
    assert (
        profile_row["rows"],
        profile_row["bad_price"],
        profile_row["missing_item"],
        profile_row["unknown_reasons"],
    ) == (
        4,
        2,
        0,
        2,
    )


def test_events(spark):
    rows = (
        event_row(),
        event_row(item_id=""),
        event_row(event_id="e3", item_id=None, shopper=None),
        event_row(event_id="e4", event_type="return", shopper="bob"),
        event_row(event_id="e5", event_type="click", event_time=moment(3, 0)),  # two days after landing
        event_row(event_id="e6", event_time=moment(2, 23, 59)),  # within the day that clocks may be ahead
        event_row(event_id="e7", event_time=None),
    )
    assert profile_rows(spark, schemas.EVENTS, *rows) == [
        {
            "rows": 7, "without_item": 2, "without_shopper": 2, "unknown_types": 1, "after_landing_day": 2,
            "views": 5, "carts": 0, "purchases": 0, "returns": 1, "with_user": 0, "with_session": 0, "sessions": 0,
            "distinct_times": 3, "hours": 3, "old_events": 0, "priced": 0, "zero_prices": 0, "median_price": 0,
            "huge_quantities": 0,
        }
    ]  # fmt: skip


def test_items(spark):
    rows = (
        {"item_id": "mug", "title": "Mug", "price": Decimal(0)},
        {"item_id": "mug", "title": "", "price": Decimal("-0.01")},
        {"item_id": "pen"},
    )
    assert profile_rows(spark, schemas.ITEMS, *({**row, "landing_date": DAY1} for row in rows)) == [
        {"rows": 3, "repeated": 1, "negative_prices": 1, "untitled": 2}
    ]


def test_item_features(spark):
    rows = (
        {"item_id": "mug", "views": 3, "carts": 2, "purchases": 1, "shoppers": 2},
        {"item_id": "mug", "views": 1, "carts": 0, "purchases": 0, "shoppers": 0},
    )
    assert profile_rows(spark, schemas.ITEM_FEATURES, *({**row, "landing_date": DAY1} for row in rows)) == [
        {"rows": 2, "repeated": 1, "counted": 7, "without_shopper": 1}
    ]


def test_user_features(spark):
    rows = ({"shopper": ANN, "events": 3, "purchases": 3}, {"shopper": ANN, "events": 1, "purchases": 2})
    assert profile_rows(spark, schemas.USER_FEATURES, *({**row, "landing_date": DAY1} for row in rows)) == [
        {"rows": 2, "repeated": 1, "counted": 4, "purchases_exceed_events": 1}
    ]


def test_histories(spark):
    rows = (
        {
            "shopper": ANN,
            "events": [(moment(1, 9), "a", "view"), (moment(1, 9), "b", "view"), (moment(1, 8), "c", "view")],
        },
        {
            "shopper": ANN,
            "events": [(moment(1, 9), "b", "view"), (moment(1, 9), "a", "view")],
        },  # equal times are in order
    )
    assert profile_rows(spark, schemas.HISTORIES, *({**row, "landing_date": DAY1} for row in rows)) == [
        {"rows": 2, "repeated": 1, "counted": 5, "unordered": 1}
    ]


def test_vocabulary(spark):
    rows = (("mug", 2), ("pen", 2), ("pen", 7))
    assert profile_rows(spark, schemas.VOCABULARY, *({"item_id": item, "index": index} for item, index in rows)) == [
        {"rows": 3, "repeated": 1, "shared_indexes": 1, "lowest_index": 2, "highest_index": 7}
    ]


def test_training_set(spark):
    rows = (
        {"shopper": ANN, "items": [0, 2], "types": [1, 5], "times": [9, 8], "days": [1, DAY3_NUMBER]},
        {"shopper": BOB, "items": [4, 2], "types": [1], "times": [1, 2], "days": [1, 1]},
        {"shopper": BOB, "items": [1], "types": [4], "times": [1], "days": [1]},
    )
    assert profile_rows(spark, schemas.TRAINING_SET, *rows) == [
        {
            "rows": 3, "repeated": 1, "length_mismatch": 1, "unordered": 1, "lowest_item": 0, "highest_item": 4,
            "latest_day": DAY3_NUMBER, "unknown_types": 1,
        }
    ]  # fmt: skip


def test_every_requested_day_has_a_row_with_zeros_if_nothing_landed(spark):
    rows = (event_row(), event_row(event_id="e2", landing_date=DAY3, event_time=moment(3, 9)))
    day_rows = profile_rows(spark, schemas.EVENTS, *rows, days=(DAY1, DAY2, DAY3))
    assert [(day["rows"], day["hours"]) for day in day_rows] == [(1, 1), (0, 0), (1, 1)]
    assert set(day_rows[1].values()) == {0}


def test_a_profile_without_rows_has_integer_zeros(spark):
    frame = spark.createDataFrame([], schemas.EVENTS.spark_schema)
    profile_frame = profile_stage(frame, schemas.EVENTS, [DAY1, DAY2])
    assert list(profile_frame.index) == [date(2024, 3, 1), date(2024, 3, 2)]
    assert set(profile_frame.dtypes.astype(str)) == {"int64"}
    assert int(profile_frame.to_numpy().sum()) == 0


def test_an_empty_table_without_days_is_one_row_of_zeros(spark):
    frame = spark.createDataFrame([], schemas.VOCABULARY.spark_schema)
    assert profile_stage(frame, schemas.VOCABULARY).to_dict("index") == {
        "vocabulary": {"rows": 0, "repeated": 0, "shared_indexes": 0, "lowest_index": 0, "highest_index": 0}
    }


def test_recommendations(spark):
    good_row = {"shopper": ANN, "items": ["mug", "pen"], "scores": [2.0, 1.0], "tier": "sequence"}
    rows = (
        good_row,
        {**good_row, "items": ["mug", "mug"]},  # and ANN again
        {**good_row, "shopper": "bob", "scores": [1.0, 2.0]},
        {**good_row, "shopper": BOB, "scores": [1.0], "tier": "content"},
    )
    assert profile_rows(spark, schemas.RECOMMENDATIONS, *rows) == [
        {
            "rows": 4,
            "repeated": 1,
            "unhashed_shoppers": 1,
            "lists_with_repeats": 1,
            "unsorted_lists": 2,
            "unknown_tiers": 1,
        }
    ]
