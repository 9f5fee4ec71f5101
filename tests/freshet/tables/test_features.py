"""The tables made from events, against the answers worked out in tests/world.py; and the cases that world lacks."""

from decimal import Decimal

import pytest

from freshet.tables import features
from freshet.tables.schemas import EVENTS, HISTORIES, ITEMS, USER_FEATURES, VOCABULARY
from tests import world
from tests.tiny_lake import rows_of
from tests.world import ANN, BOB, DAY1, DAY2, DAY3, N1, N2, at, seconds

pytestmark = pytest.mark.spark


def test_items_hold_the_last_facts_known_on_a_day(shop):
    assert rows_of(shop.spark, "items") == sorted(world.ITEMS, key=str)


def test_item_features_count_views_carts_purchases_and_shoppers(shop):
    assert rows_of(shop.spark, "item_features") == sorted(world.ITEM_FEATURES, key=str)


def test_user_features_count_events_and_purchases(shop):
    assert set(rows_of(shop.spark, "user_features")) == world.USER_FEATURES


def test_histories_are_a_shoppers_day_in_canonical_order(shop):
    found = {(row[0], row[2]): [tuple(event) for event in row[1]] for row in rows_of(shop.spark, "histories")}
    assert found == world.HISTORIES


def test_the_vocabulary_is_numbered_by_first_landing_then_id_with_the_last_facts(shop):
    assert sorted(rows_of(shop.spark, "vocabulary"), key=lambda row: row[1]) == world.VOCABULARY


def test_the_training_set_holds_every_shopper_in_canonical_order(shop):
    assert {row[0]: row[1:] for row in rows_of(shop.spark, "training_set")} == world.TRAINING_SET


def events(spark, *given):
    """Events of ANN on day 1 that differ in what is given."""
    base = dict.fromkeys(EVENTS.names) | {
        "event_type": "view", "event_time": at(1, 9), "shopper": ANN, "landing_date": DAY1, "source_file": "a.csv",
        "source_row": 1, "source_position": 0,
    }  # fmt: skip
    rows = [tuple((base | row)[name] for name in EVENTS.names) for row in given]
    return spark.createDataFrame(rows, EVENTS.struct)


def test_events_of_one_moment_keep_the_order_of_file_row_and_position(spark):
    rows = events(
        spark,
        {"item_id": "fourth", "source_file": "b.csv", "source_row": 1},
        {"item_id": "third", "source_row": 10},
        {"item_id": "second", "source_row": 2, "source_position": 1},
        {"item_id": "first", "source_row": 2},
        {"item_id": "zeroth", "source_row": 99, "event_time": at(1, 8)},
    )
    found = features.histories(rows).collect()
    assert [event.item_id for event in found[0].events] == ["zeroth", "first", "second", "third", "fourth"]


def test_the_last_fact_is_by_event_time_and_an_unknown_one_does_not_erase_it(spark):
    rows = events(
        spark,
        {"item_id": "mug", "title": "Late", "price": None, "event_time": at(1, 12), "source_row": 1},
        {"item_id": "mug", "title": "Early", "price": Decimal("2.0000"), "event_time": at(1, 8), "source_row": 2},
    )
    assert [tuple(row) for row in features.items(rows).collect()] == [
        ("mug", "Late", None, Decimal("2.0000"), DAY1, None)
    ]


def test_of_the_context_what_is_named_is_kept_each_the_last_one_known(spark):
    rows = events(
        spark,
        {"item_id": "mug", "context": {"brand": "Old", "colour": "red", "page": "home"}, "event_time": at(1, 8)},
        {"item_id": "mug", "context": {"brand": " Alpino ", "colour": " "}, "event_time": at(1, 9)},
        {"item_id": "pen", "context": {"page": "home"}},
        {"item_id": "hat"},
    )
    found = {row.item_id: row.attributes for row in features.items(rows, ["brand", "colour"]).collect()}
    assert found == {"mug": {"brand": "Alpino", "colour": "red"}, "pen": None, "hat": None}


def test_the_vocabulary_keeps_the_last_attributes_of_those_named_and_those_of_days_that_are_gone(spark):
    def day(item, of_item, day):
        return (item, None, None, None, day, of_item)

    landed = [day("mug", {"brand": "Old", "colour": "red"}, DAY1), day("mug", {"brand": "New"}, DAY2)]
    before = spark.createDataFrame(
        [("pen", 1, DAY1, None, None, None, False, 1, {"brand": "Inky", "size": "s"})], VOCABULARY.struct
    )
    made = features.vocabulary(spark.createDataFrame(landed, ITEMS.struct), before, 1, ["brand", "colour"])
    found = {row.item_id: row.attributes for row in made.collect()}
    assert found == {"pen": {"brand": "Inky"}, "mug": {"brand": "New", "colour": "red"}}


def test_a_shopper_who_meets_an_item_twice_counts_once(spark):
    rows = events(spark, {"item_id": "mug"}, {"item_id": "mug", "event_type": "cart"}, {"item_id": "mug"})
    assert [tuple(row) for row in features.item_features(rows).collect()] == [("mug", 2, 1, 0, 1, DAY1)]


def of_items(spark, *rows):
    return spark.createDataFrame([(item, None, None, None, day, None) for item, day in rows], ITEMS.struct)


def known(spark, *rows):
    """(item, index, first landing, title) of a published vocabulary; a title in capitals is delisted."""
    return spark.createDataFrame(
        [(item, index, day, title, None, None, title.isupper(), 1, None) for item, index, day, title in rows],
        VOCABULARY.struct,
    )


def numbered(frame):
    return [tuple(row) for row in frame.orderBy("index").select("item_id", "index").collect()]


def test_a_known_item_keeps_its_index_title_and_tombstone_when_earlier_days_bring_others(spark):
    before = known(spark, ("pen", 1, DAY2, "Pen"), ("mug", 2, DAY3, "GONE"))
    found = features.vocabulary(of_items(spark, ("ape", DAY1), ("pen", DAY1), ("mug", DAY3)), before, 1)
    assert [tuple(row) for row in found.orderBy("index").collect()] == [
        ("pen", 1, DAY2, "Pen", None, None, False, 1, None),
        ("mug", 2, DAY3, "GONE", None, None, True, 1, None),
        ("ape", 3, DAY1, None, None, None, False, 1, None),
    ]


def test_an_item_whose_days_are_gone_keeps_its_index(spark):
    before = known(spark, ("pen", 1, DAY1, "Pen"), ("mug", 2, DAY1, "Mug"))
    assert numbered(features.vocabulary(of_items(spark, ("mug", DAY1)), before, 1)) == [("pen", 1), ("mug", 2)]


def history(spark, *rows):
    return spark.createDataFrame(list(rows), HISTORIES.struct)


def whole(spark, rows, longest, cut):
    """The training set of histories given as (shopper, events, day); items a and b have the indexes 1 and 2."""
    users = [(shopper, len(events), 0, day) for shopper, events, day in rows]
    made = features.training_set(
        history(spark, *rows),
        spark.createDataFrame(users, USER_FEATURES.struct),
        known(spark, ("a", 1, DAY1, "A"), ("b", 2, DAY1, "B")),
        cut,
        longest,
    )
    return {row.shopper: row for row in made.collect()}


def test_the_last_events_are_kept_when_a_history_is_too_long(spark):
    rows = [(ANN, [(at(1, 9), "a", "view"), (at(1, 10), "b", "cart"), (at(1, 11), "a", "purchase")], DAY1)]
    made = whole(spark, rows, longest=2, cut=N1)[ANN]
    assert (made.items, made.types, made.times) == ([2, 1], [2, 3], [seconds(1, 10), seconds(1, 11)])
    assert made.activity == 3  # counts what the shopper did, not what is kept


def test_an_event_that_landed_late_stands_where_it_happened(spark):
    rows = [(ANN, [(at(1, 12), "a", "view")], DAY1), (ANN, [(at(1, 9), "b", "view")], DAY2)]
    made = whole(spark, rows, longest=10, cut=N1)[ANN]
    assert (made.items, made.days) == ([2, 1], [N2, N1])
    assert (made.first_day, made.activity) == (N1, 1)


def test_events_of_one_moment_keep_their_order_across_days(spark):
    same = at(1, 9)
    rows = [(BOB, [(same, "b", "view"), (same, "a", "view")], DAY2), (BOB, [(same, "b", "cart")], DAY1)]
    made = whole(spark, rows, longest=10, cut=N2)[BOB]
    assert (made.items, made.types) == ([2, 2, 1], [2, 1, 1])


def test_an_item_outside_the_vocabulary_is_index_0_and_refused_by_the_gate(spark):
    assert whole(spark, [(ANN, [(at(1, 9), "x", "view")], DAY1)], longest=10, cut=N1)[ANN].items == [0]
