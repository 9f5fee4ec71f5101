"""Reading the lake without a JVM: pyiceberg reads the rows that Spark wrote, and the training set is as expected."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from freshet.data.vocabulary import Vocabulary
from freshet.errors import BundleError, LakeError
from freshet.item_schema import parse_schema
from freshet.settings import Settings
from freshet.tables import reader
from freshet.tables.schemas import TABLES
from tests import world
from tests.tiny_lake import published_rows
from tests.world import (
    ANN,
    BOB,
    DAY1,
    DAY1_NUMBER,
    DAY2,
    DAY2_NUMBER,
    DAY3_NUMBER,
    SESSION_2,
    SESSION_4,
    moment_seconds,
)

THREE_ITEMS = Vocabulary(
    np.array(["", "cup", "mug", "pen"]), np.array([""] * 4), np.array([""] * 4), np.full(4, np.nan), np.zeros(4, bool)
)


def item_feature_rows(*rows):
    """(item, views, carts, purchases, shoppers, day)."""
    names = ("item_id", "views", "carts", "purchases", "shoppers", "landing_date")
    columns = list(zip(*rows, strict=True)) if rows else [[]] * 6
    types = (pa.string(), *(pa.int64(),) * 4, pa.date32())
    return pa.table({n: pa.array(values, t) for n, values, t in zip(names, columns, types, strict=True)})


def test_popularity_counts_seven_days_and_the_audience_all_of_them():
    rows = item_feature_rows(
        ("mug", 1, 2, 3, 4, date(2024, 3, 8)),  # the cut
        ("mug", 1, 0, 0, 1, date(2024, 3, 2)),  # six days before: the seventh day
        ("mug", 9, 9, 9, 1, date(2024, 3, 1)),  # a day too old for popularity
        ("pen", 1, 0, 0, 2, date(2024, 3, 8)),
        ("fez", 7, 7, 7, 7, date(2024, 3, 8)),  # not in the vocabulary
    )
    popularity, audience = reader.item_demand(rows, THREE_ITEMS, date(2024, 3, 8))
    assert popularity.tolist() == [0, 0, 7, 1]
    assert audience.tolist() == [0, 0, 6 / 8, 2 / 8]


def test_without_features_no_item_is_popular():
    popularity, audience = reader.item_demand(item_feature_rows(), THREE_ITEMS, DAY1)
    assert (popularity.tolist(), audience.tolist()) == ([0, 0, 0, 0], [0, 0, 0, 0])


def vocabulary_rows(*rows):
    names = ("item_id", "index", "title", "category", "price", "tombstone", "generation")
    columns = list(zip(*rows, strict=True))
    return pa.table({name: pa.array(values) for name, values in zip(names, columns, strict=True)})


def test_attributes_are_read_by_the_item_schema_or_unknown():
    rows = vocabulary_rows(("pen", 2, None, None, None, False, 1), ("mug", 1, "Mug", None, None, False, 1))
    inputs = parse_schema("title:words,brand:category,size:number")
    assert reader.load_vocabulary(rows, inputs).attributes["brand"].tolist() == ["", "", ""]
    attributes = pa.array([None, [("brand", "Inky"), ("colour", "red")]], type=pa.map_(pa.string(), pa.string()))
    actual = reader.load_vocabulary(rows.append_column("attributes", attributes), inputs)
    assert {name: values.tolist() for name, values in actual.attributes.items()} == {
        "brand": ["", "Inky", ""],
        "size": ["", "", ""],
    }


def test_row_i_of_a_vocabulary_is_index_i_in_any_stored_order():
    from decimal import Decimal

    actual = reader.load_vocabulary(
        vocabulary_rows(("pen", 2, None, None, None, True, 3), ("mug", 1, "Mug", "kitchen", Decimal("4.50"), False, 3))
    )
    assert actual.item_ids.tolist() == ["", "mug", "pen"]
    assert actual.titles.tolist() == ["", "Mug", ""]
    assert actual.categories.tolist() == ["", "kitchen", ""]
    assert actual.prices[1] == 4.5
    assert np.isnan(actual.prices[[0, 2]]).all()
    assert actual.delisted.tolist() == [False, False, True]
    assert actual.generation == 3


@pytest.mark.parametrize("indexes", [(1, 3), (0, 1), (2, 3)])
def test_a_vocabulary_with_a_hole_is_refused(indexes):
    rows = [(name, index, None, None, None, False, 1) for name, index in zip(("mug", "pen"), indexes, strict=True)]
    with pytest.raises(BundleError) as exc_info:
        reader.load_vocabulary(vocabulary_rows(*rows))
    assert str(exc_info.value) == "vocabulary: its indexes have a hole; materialize the asset `vocabulary` again"


def test_a_missing_table_gives_the_command_that_makes_it(tmp_path):
    settings = Settings(_env_file=None, lake=str(tmp_path))
    with pytest.raises(LakeError) as exc_info:
        reader.scan_table(settings, "histories")
    assert str(exc_info.value) == (
        f"{tmp_path}/tables/histories: the table does not exist yet; "
        "land some days (`freshet land FILE…`), then run "
        "`dagster asset materialize -m pipelines.definitions --select '+histories' --partition-range FIRST...LAST`"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.spark
def test_a_missing_table_in_a_lake_with_others_is_named(shop):
    with pytest.raises(LakeError, match="tables/weather: the table does not exist yet"):
        reader.scan_table(shop.settings, "weather")


def plain_value(value):
    """As Spark gives it: times without a zone, maps as dictionaries, structs as tuples."""
    if isinstance(value, dict):
        return tuple(plain_value(part) for part in value.values())
    if isinstance(value, list):
        return [plain_value(part) for part in value]
    return value.replace(tzinfo=None) if hasattr(value, "tzinfo") else value


def spark_value(value):
    return [tuple(part) if isinstance(part, tuple) else part for part in value] if isinstance(value, list) else value


@pytest.mark.spark
@pytest.mark.parametrize(
    "table", [t for t in TABLES if t.name not in ("impressions", "recommendations")], ids=lambda table: table.name
)
def test_pyiceberg_reads_what_spark_reads(shop, table):
    iceberg_rows = reader.scan_table(shop.settings, table.name).select(table.column_names).to_pylist()
    rows = [tuple(plain_value(value) for value in row.values()) for row in iceberg_rows]
    spark_rows = [tuple(spark_value(value) for value in row) for row in published_rows(shop.spark, table.name)]
    assert sorted(rows, key=str) == sorted(spark_rows, key=str)
    assert rows != []


@pytest.mark.spark
def test_an_expired_snapshot_gives_the_fix(shop):
    missing_snapshot = shop.training_set.model_copy(
        update={"snapshots": {**shop.training_set.snapshots, "training_set": 7}}
    )
    with pytest.raises(LakeError) as exc_info:
        reader.load_training_set(shop.settings, missing_snapshot)
    assert str(exc_info.value) == (
        f"{shop.settings.lake}/tables/training_set: its snapshot 7 is gone; materialize `training_set` again"
    )


@pytest.mark.spark
def test_a_scan_takes_columns_and_rows(shop):
    scanned_rows = reader.scan_table(
        shop.settings, "user_features", columns=("events",), where=f"landing_date = '{DAY2}'"
    )
    assert scanned_rows.column_names == ["events"]
    assert sorted(scanned_rows["events"].to_pylist()) == [1, 2]


@pytest.mark.spark
def test_the_training_set_in_memory_is_the_one_worked_out(shop):
    data = reader.load_training_set(shop.settings, shop.training_set)
    h = data.histories
    arrays = (h.items, h.types, h.times, h.days)
    events_by_shopper = {
        str(shopper): (
            *(list(array[h.offsets[i] : h.offsets[i + 1]]) for array in arrays),
            data.first_days[i], data.event_counts[i], data.purchase_counts[i],
        )
        for i, shopper in enumerate(h.shoppers)
    }  # fmt: skip
    assert events_by_shopper == world.TRAINING_SET
    assert list(h.shoppers) == sorted([ANN, BOB, SESSION_2, SESSION_4])
    assert data.popularity.tolist() == world.POPULARITY
    assert data.audience.tolist() == world.AUDIENCE_SHARES
    assert data.vocabulary.item_ids.tolist() == ["", "cup", "mug", "pen", "hat"]
    assert data.vocabulary.titles.tolist() == ["", "Cup", "Blue mug", "Pen", ""]
    assert (data.train_until, data.as_of) == (DAY2_NUMBER, DAY3_NUMBER)
    assert {array.dtype for array in (h.offsets, h.items, h.types, h.times, h.days, data.event_counts)} == {
        np.dtype(np.int64)
    }


@pytest.mark.spark
def test_a_shoppers_history_comes_from_all_days_in_canonical_order(shop):
    assert reader.read_shopper_history(shop.settings, ANN) == [
        ("mug", "view", moment_seconds(1, 9), DAY1_NUMBER),
        ("mug", "cart", moment_seconds(1, 9), DAY1_NUMBER),
        ("cup", "purchase", moment_seconds(1, 11), DAY1_NUMBER),
        ("pen", "view", moment_seconds(1, 23, 59), DAY2_NUMBER),  # landed a day late, sorted by its event time
        ("pen", "purchase", moment_seconds(3, 12), DAY3_NUMBER),
    ]
    assert reader.read_shopper_history(shop.settings, "0" * 32) == []


@pytest.mark.spark
def test_a_tag_keeps_its_snapshot_if_it_is_created_again(shop):
    snapshot = shop.training_set.snapshots["item_features"]
    for _ in range(2):
        reader.tag_snapshot(shop.settings, "item_features", snapshot, "bundle_123")
    rows = shop.spark.sql("SELECT type, snapshot_id FROM lake.shop.item_features.refs WHERE name = 'bundle_123'")
    assert [tuple(row) for row in rows.collect()] == [("TAG", snapshot)]
