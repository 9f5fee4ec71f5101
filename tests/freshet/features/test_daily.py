"""Rows of the tables made from events: those of tests/world.py, and further cases."""

from decimal import Decimal

import pytest

from freshet.features import daily
from freshet.tables.schemas import EVENTS, HISTORIES, ITEMS, USER_FEATURES, VOCABULARY
from tests import world
from tests.tiny_lake import published_rows
from tests.world import ANN, BOB, DAY1, DAY1_NUMBER, DAY2, DAY2_NUMBER, DAY3, moment, moment_seconds

pytestmark = pytest.mark.spark


def test_items_have_the_last_attributes_of_the_day(shop):
    assert published_rows(shop.spark, "items") == sorted(world.ITEMS, key=str)


def test_item_features_count_views_carts_purchases_and_shoppers(shop):
    assert published_rows(shop.spark, "item_features") == sorted(world.ITEM_FEATURES, key=str)


def test_user_features_count_events_and_purchases(shop):
    assert set(published_rows(shop.spark, "user_features")) == world.USER_FEATURES


def test_histories_are_a_shoppers_day_in_canonical_order(shop):
    events_by_shopper = {
        (row[0], row[2]): [tuple(event) for event in row[1]] for row in published_rows(shop.spark, "histories")
    }
    assert events_by_shopper == world.HISTORIES


def test_the_vocabulary_is_numbered_by_first_landing_day_then_id(shop):
    assert sorted(published_rows(shop.spark, "vocabulary"), key=lambda row: row[1]) == world.VOCABULARY


def test_the_training_set_holds_every_shopper_in_canonical_order(shop):
    assert {row[0]: row[1:] for row in published_rows(shop.spark, "training_set")} == world.TRAINING_SET


def ann_events(spark, *row_overrides):
    """Events of ANN on day 1 that differ in what is given."""
    base = dict.fromkeys(EVENTS.column_names) | {
        "event_type": "view", "event_time": moment(1, 9), "shopper": ANN, "landing_date": DAY1, "source_file": "a.csv",
        "source_row": 1, "source_position": 0,
    }  # fmt: skip
    rows = [tuple((base | row)[name] for name in EVENTS.column_names) for row in row_overrides]
    return spark.createDataFrame(rows, EVENTS.spark_schema)


def test_events_of_one_moment_keep_the_order_of_file_row_and_position(spark):
    rows = ann_events(
        spark,
        {"item_id": "fourth", "source_file": "b.csv", "source_row": 1},
        {"item_id": "third", "source_row": 10},
        {"item_id": "second", "source_row": 2, "source_position": 1},
        {"item_id": "first", "source_row": 2},
        {"item_id": "zeroth", "source_row": 99, "event_time": moment(1, 8)},
    )
    actual = daily.histories(rows).collect()
    assert [event.item_id for event in actual[0].events] == ["zeroth", "first", "second", "third", "fourth"]


def test_the_last_attribute_is_by_event_time_and_null_does_not_erase_it(spark):
    rows = ann_events(
        spark,
        {"item_id": "mug", "title": "Late", "price": None, "event_time": moment(1, 12), "source_row": 1},
        {"item_id": "mug", "title": "Early", "price": Decimal("2.0000"), "event_time": moment(1, 8), "source_row": 2},
    )
    assert [tuple(row) for row in daily.items(rows).collect()] == [("mug", "Late", None, Decimal("2.0000"), DAY1, None)]


def test_named_context_keys_are_kept_with_their_last_value(spark):
    rows = ann_events(
        spark,
        {"item_id": "mug", "context": {"brand": "Old", "colour": "red", "page": "home"}, "event_time": moment(1, 8)},
        {"item_id": "mug", "context": {"brand": " Alpino ", "colour": " "}, "event_time": moment(1, 9)},
        {"item_id": "pen", "context": {"page": "home"}},
        {"item_id": "hat"},
    )
    actual = {row.item_id: row.attributes for row in daily.items(rows, ["brand", "colour"]).collect()}
    assert actual == {"mug": {"brand": "Alpino", "colour": "red"}, "pen": None, "hat": None}


def test_the_vocabulary_keeps_the_last_named_attributes(spark):
    def item_day(item, of_item, day):
        return (item, None, None, None, day, of_item)

    item_days = [item_day("mug", {"brand": "Old", "colour": "red"}, DAY1), item_day("mug", {"brand": "New"}, DAY2)]
    before = spark.createDataFrame(
        [("pen", 1, DAY1, None, None, None, False, 1, {"brand": "Inky", "size": "s"})], VOCABULARY.spark_schema
    )
    vocabulary = daily.vocabulary(spark.createDataFrame(item_days, ITEMS.spark_schema), before, 1, ["brand", "colour"])
    actual = {row.item_id: row.attributes for row in vocabulary.collect()}
    assert actual == {"pen": {"brand": "Inky"}, "mug": {"brand": "New", "colour": "red"}}


def test_a_shopper_with_two_events_on_an_item_counts_once(spark):
    rows = ann_events(spark, {"item_id": "mug"}, {"item_id": "mug", "event_type": "cart"}, {"item_id": "mug"})
    assert [tuple(row) for row in daily.item_features(rows).collect()] == [("mug", 2, 1, 0, 1, DAY1)]


def item_rows(spark, *rows):
    return spark.createDataFrame([(item, None, None, None, day, None) for item, day in rows], ITEMS.spark_schema)


def published_vocabulary(spark, *rows):
    """(item, index, first landing, title) of a published vocabulary; a title in capitals is delisted."""
    return spark.createDataFrame(
        [(item, index, day, title, None, None, title.isupper(), 1, None) for item, index, day, title in rows],
        VOCABULARY.spark_schema,
    )


def index_by_item(frame):
    return [tuple(row) for row in frame.orderBy("index").select("item_id", "index").collect()]


def test_a_known_item_keeps_its_index_when_earlier_days_land_later(spark):
    before = published_vocabulary(spark, ("pen", 1, DAY2, "Pen"), ("mug", 2, DAY3, "GONE"))
    actual = daily.vocabulary(item_rows(spark, ("ape", DAY1), ("pen", DAY1), ("mug", DAY3)), before, 1)
    assert [tuple(row) for row in actual.orderBy("index").collect()] == [
        ("pen", 1, DAY2, "Pen", None, None, False, 1, None),
        ("mug", 2, DAY3, "GONE", None, None, True, 1, None),
        ("ape", 3, DAY1, None, None, None, False, 1, None),
    ]


def test_an_item_whose_days_are_gone_keeps_its_index(spark):
    before = published_vocabulary(spark, ("pen", 1, DAY1, "Pen"), ("mug", 2, DAY1, "Mug"))
    assert index_by_item(daily.vocabulary(item_rows(spark, ("mug", DAY1)), before, 1)) == [("pen", 1), ("mug", 2)]


def history_rows(spark, *rows):
    return spark.createDataFrame(list(rows), HISTORIES.spark_schema)


def training_rows(spark, rows, max_events, train_until):
    """The training set of histories given as (shopper, events, day); items a and b have the indexes 1 and 2."""
    users = [(shopper, len(events), 0, day) for shopper, events, day in rows]
    sequences = daily.training_set(
        history_rows(spark, *rows),
        spark.createDataFrame(users, USER_FEATURES.spark_schema),
        published_vocabulary(spark, ("a", 1, DAY1, "A"), ("b", 2, DAY1, "B")),
        train_until,
        max_events,
    )
    return {row.shopper: row for row in sequences.collect()}


def test_the_last_events_are_kept_when_a_history_is_too_long(spark):
    rows = [(ANN, [(moment(1, 9), "a", "view"), (moment(1, 10), "b", "cart"), (moment(1, 11), "a", "purchase")], DAY1)]
    sequences = training_rows(spark, rows, max_events=2, train_until=DAY1_NUMBER)[ANN]
    assert (sequences.items, sequences.types, sequences.times) == (
        [2, 1],
        [2, 3],
        [moment_seconds(1, 10), moment_seconds(1, 11)],
    )
    assert sequences.activity == 3  # counts what the shopper did, not what is kept


def test_an_event_that_landed_late_is_sorted_by_its_time(spark):
    rows = [(ANN, [(moment(1, 12), "a", "view")], DAY1), (ANN, [(moment(1, 9), "b", "view")], DAY2)]
    sequences = training_rows(spark, rows, max_events=10, train_until=DAY1_NUMBER)[ANN]
    assert (sequences.items, sequences.days) == ([2, 1], [DAY2_NUMBER, DAY1_NUMBER])
    assert (sequences.first_day, sequences.activity) == (DAY1_NUMBER, 1)


def test_events_of_one_moment_keep_their_order_across_days(spark):
    same_time = moment(1, 9)
    rows = [(BOB, [(same_time, "b", "view"), (same_time, "a", "view")], DAY2), (BOB, [(same_time, "b", "cart")], DAY1)]
    sequences = training_rows(spark, rows, max_events=10, train_until=DAY2_NUMBER)[BOB]
    assert (sequences.items, sequences.types) == ([2, 2, 1], [2, 1, 1])


def test_an_item_outside_the_vocabulary_is_index_0_and_refused_by_the_gate(spark):
    assert training_rows(spark, [(ANN, [(moment(1, 9), "x", "view")], DAY1)], max_events=10, train_until=DAY1_NUMBER)[
        ANN
    ].items == [0]
