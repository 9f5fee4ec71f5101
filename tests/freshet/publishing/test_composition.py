"""Items and users of each day, counted by their first day."""

from datetime import date

import pytest

from freshet.publishing.composition import compute_composition
from freshet.tables import schemas
from tests.world import ANN, BOB, DAY1, DAY2, DAY3, SESSION_2, moment

pytestmark = pytest.mark.spark

DAY_BEFORE = date(2024, 2, 29)
EVENTS = [  # item, title, shopper, user?, day, hour
    ("mug", "Mug", ANN, True, DAY2, 9),
    ("mug", "Red mug", ANN, True, DAY2, 10),  # the last name of the day counts
    ("mug", None, SESSION_2, False, DAY2, 11),
    ("pen", None, BOB, True, DAY2, 12),
    ("mug", "red mug ", BOB, True, DAY3, 9),  # blanks and capitals make no other name
    ("pen", "Pen", BOB, True, DAY3, 10),
    ("hat", "Hat", SESSION_2, False, DAY3, 11),
]


def table_rows(spark, table, values):
    return spark.createDataFrame(
        [tuple(row.get(name) for name in table.column_names) for row in values], table.spark_schema
    )


@pytest.fixture(scope="module")
def composition(spark):
    events = [
        {"item_id": item, "title": title, "shopper": shopper, "user_id": shopper if user else None, "landing_date": day,
         "event_time": moment(day.day, hour)}
        for item, title, shopper, user, day, hour in EVENTS
    ]  # fmt: skip
    items = [{"item_id": "mug", "title": "Mug", "landing_date": DAY1}, {"item_id": "cup", "landing_date": DAY_BEFORE}]
    shoppers = [{"shopper": ANN, "events": 9, "purchases": 0, "landing_date": DAY_BEFORE}]
    return compute_composition(
        table_rows(spark, schemas.EVENTS, events), table_rows(spark, schemas.ITEMS, items),
        table_rows(spark, schemas.USER_FEATURES, shoppers),
    )  # fmt: skip


def test_items_and_shoppers_of_a_day_and_the_largest_of_each_are_counted(composition):
    assert composition.counts.to_dict("index") == {
        DAY2: {"items": 2, "max_item_events": 3, "titled_items": 1, "shoppers": 3, "max_shopper_events": 2, "users": 2},
        DAY3: {"items": 3, "max_item_events": 1, "titled_items": 3, "shoppers": 2, "max_shopper_events": 2, "users": 1},
    }


def test_events_are_counted_by_the_first_day_of_their_item(composition):
    assert composition.item_events == {DAY2: {DAY1: 3, DAY2: 1}, DAY3: {DAY1: 1, DAY2: 1, DAY3: 1}}


def test_users_are_counted_by_their_first_day_and_guests_are_not(composition):
    assert {day: {first: n for first, n in by.items() if n} for day, by in composition.users.items()} == {
        DAY2: {DAY_BEFORE: 1, DAY2: 1},
        DAY3: {DAY2: 1},
    }


def test_renamed_items_are_counted_by_the_first_day_of_their_title(composition):
    assert composition.renamed_items == {DAY2: {DAY2: 1}, DAY3: {DAY2: 1}}  # the pen had none before
