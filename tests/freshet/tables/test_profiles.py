"""What a gate looks at: rows with every fault that a rule exists for, and the counts the profile gives of them."""

from datetime import date
from decimal import Decimal

import pytest

from freshet.tables import schemas
from freshet.tables.profiles import MEASURES, profile
from tests.world import ANN, BOB, DAY1, DAY2, DAY3, N3, S2, at

pytestmark = pytest.mark.spark


def measured(spark, table, *rows, days=(DAY1,)):
    """The profile of these rows as plain values, one dictionary a day."""
    names = table.names
    frame = spark.createDataFrame([tuple(row.get(name) for name in names) for row in rows], table.struct)
    seen = profile(frame, table, days if table.daily else ())
    return list(seen.to_dict("index").values())


def event(**given):
    base = {
        "event_id": "e1", "item_id": "mug", "event_type": "view", "event_time": at(1, 9), "shopper": ANN,
        "skipped": False, "landing_date": DAY1, "source_file": "a.csv", "source_row": 1, "source_position": 0,
    }  # fmt: skip
    return base | given


def test_every_table_has_measures():
    assert set(MEASURES) == {table.name for table in schemas.TABLES}


def test_raw_events(spark):
    rows = (
        event(user_id=ANN, session_id=S2),
        event(source_row=2, source_position=1, skipped=True),
        event(source_row=2, source_position=1, corrupt_record="x,"),
        event(source_file="b.csv", user_id="ann"),  # a bare id
        event(source_file="b.csv", source_row=2, session_id=ANN.upper()),  # no pseudonym either
    )
    assert measured(spark, schemas.RAW_EVENTS, *rows) == [{"rows": 5, "skipped": 1, "unreadable": 1, "bare_ids": 2}]


def test_quarantined_events(spark):
    rows = (event(reason="bad_price"), event(reason="bad_price"), event(reason="bad luck"), event(reason=None))
    (found,) = measured(spark, schemas.QUARANTINED_EVENTS, *rows)
    assert (found["rows"], found["bad_price"], found["missing_item"], found["unexplained"]) == (4, 2, 0, 2)


def test_events(spark):
    rows = (
        event(),
        event(item_id=""),
        event(event_id="e3", item_id=None, shopper=None),
        event(event_id="e4", event_type="return", shopper="bob"),
        event(event_id="e5", event_type="click", event_time=at(3, 0)),  # two days after landing
        event(event_id="e6", event_time=at(2, 23, 59)),  # within the day that clocks may be ahead
        event(event_id="e7", event_time=None),
    )
    assert measured(spark, schemas.EVENTS, *rows) == [
        {
            "rows": 7, "without_item": 2, "without_shopper": 2, "unknown_types": 1, "out_of_time": 2,
            "views": 5, "carts": 0, "purchases": 0, "returns": 1, "with_user": 0, "with_session": 0, "sessions": 0,
            "instants": 3, "hours": 3, "late": 0, "priced": 0, "free": 0, "median_price": 0, "huge_quantities": 0,
        }
    ]  # fmt: skip


def test_items(spark):
    rows = (
        {"item_id": "mug", "title": "Mug", "price": Decimal(0)},
        {"item_id": "mug", "title": "", "price": Decimal("-0.01")},
        {"item_id": "pen"},
    )
    assert measured(spark, schemas.ITEMS, *({**row, "landing_date": DAY1} for row in rows)) == [
        {"rows": 3, "repeated": 1, "bad_prices": 1, "untitled": 2}
    ]


def test_item_features(spark):
    rows = (
        {"item_id": "mug", "views": 3, "carts": 2, "purchases": 1, "shoppers": 2},
        {"item_id": "mug", "views": 1, "carts": 0, "purchases": 0, "shoppers": 0},
    )
    assert measured(spark, schemas.ITEM_FEATURES, *({**row, "landing_date": DAY1} for row in rows)) == [
        {"rows": 2, "repeated": 1, "counted": 7, "without_shopper": 1}
    ]


def test_user_features(spark):
    rows = ({"shopper": ANN, "events": 3, "purchases": 3}, {"shopper": ANN, "events": 1, "purchases": 2})
    assert measured(spark, schemas.USER_FEATURES, *({**row, "landing_date": DAY1} for row in rows)) == [
        {"rows": 2, "repeated": 1, "counted": 4, "overbought": 1}
    ]


def test_histories(spark):
    rows = (
        {"shopper": ANN, "events": [(at(1, 9), "a", "view"), (at(1, 9), "b", "view"), (at(1, 8), "c", "view")]},
        {"shopper": ANN, "events": [(at(1, 9), "b", "view"), (at(1, 9), "a", "view")]},  # equal times are in order
    )
    assert measured(spark, schemas.HISTORIES, *({**row, "landing_date": DAY1} for row in rows)) == [
        {"rows": 2, "repeated": 1, "counted": 5, "unordered": 1}
    ]


def test_vocabulary(spark):
    rows = (("mug", 2), ("pen", 2), ("pen", 7))
    assert measured(spark, schemas.VOCABULARY, *({"item_id": item, "index": index} for item, index in rows)) == [
        {"rows": 3, "repeated": 1, "shared_indexes": 1, "lowest": 2, "highest": 7}
    ]


def test_training_set(spark):
    rows = (
        {"shopper": ANN, "items": [0, 2], "types": [1, 5], "times": [9, 8], "days": [1, N3]},
        {"shopper": BOB, "items": [4, 2], "types": [1], "times": [1, 2], "days": [1, 1]},
        {"shopper": BOB, "items": [1], "types": [4], "times": [1], "days": [1]},
    )
    assert measured(spark, schemas.TRAINING_SET, *rows) == [
        {
            "rows": 3, "repeated": 1, "uneven": 1, "unordered": 1, "lowest_index": 0, "highest_index": 4,
            "latest_day": N3, "unknown_types": 1,
        }
    ]  # fmt: skip


def test_there_is_a_row_for_every_day_asked_for_and_zeros_where_nothing_landed(spark):
    rows = (event(), event(event_id="e2", landing_date=DAY3, event_time=at(3, 9)))
    found = measured(spark, schemas.EVENTS, *rows, days=(DAY1, DAY2, DAY3))
    assert [(day["rows"], day["hours"]) for day in found] == [(1, 1), (0, 0), (1, 1)]
    assert set(found[1].values()) == {0}


def test_no_rows_at_all_are_zeros_of_the_right_type(spark):
    frame = spark.createDataFrame([], schemas.EVENTS.struct)
    seen = profile(frame, schemas.EVENTS, [DAY1, DAY2])
    assert list(seen.index) == [date(2024, 3, 1), date(2024, 3, 2)]
    assert set(seen.dtypes.astype(str)) == {"int64"}
    assert int(seen.to_numpy().sum()) == 0


def test_an_empty_table_without_days_is_one_row_of_zeros(spark):
    frame = spark.createDataFrame([], schemas.VOCABULARY.struct)
    assert profile(frame, schemas.VOCABULARY).to_dict("index") == {
        "vocabulary": {"rows": 0, "repeated": 0, "shared_indexes": 0, "lowest": 0, "highest": 0}
    }


def test_recommendations(spark):
    good = {"shopper": ANN, "items": ["mug", "pen"], "scores": [2.0, 1.0], "tier": "sequence"}
    rows = (
        good,
        {**good, "items": ["mug", "mug"]},  # and ANN again
        {**good, "shopper": "bob", "scores": [1.0, 2.0]},
        {**good, "shopper": BOB, "scores": [1.0], "tier": "content"},
    )
    assert measured(spark, schemas.RECOMMENDATIONS, *rows) == [
        {"rows": 4, "repeated": 1, "bare_shoppers": 1, "repeated_items": 1, "disordered": 2, "unknown_tiers": 1}
    ]
