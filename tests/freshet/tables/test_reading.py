"""The lake without a JVM: what pyiceberg reads is what Spark wrote, and what the model gets is what was worked out."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from freshet.errors import BundleError, LakeError
from freshet.item_inputs import parse_schema
from freshet.settings import Settings
from freshet.tables import reading
from freshet.tables.schemas import TABLES
from freshet.vocabulary import Vocabulary
from tests import world
from tests.tiny_lake import rows_of
from tests.world import ANN, BOB, DAY1, DAY2, DAY3, N1, N2, N3, S2, S4, seconds

THREE = Vocabulary(
    np.array(["", "cup", "mug", "pen"]), np.array([""] * 4), np.array([""] * 4), np.full(4, np.nan), np.zeros(4, bool)
)


def test_days_are_numbered_since_1970():
    assert [reading.day_number(day) for day in (date(1970, 1, 1), DAY1, DAY3)] == [0, N1, N3]


def features(*rows):
    """(item, views, carts, purchases, shoppers, day)."""
    names = ("item_id", "views", "carts", "purchases", "shoppers", "landing_date")
    columns = list(zip(*rows, strict=True)) if rows else [[]] * 6
    types = (pa.string(), *(pa.int64(),) * 4, pa.date32())
    return pa.table({n: pa.array(values, t) for n, values, t in zip(names, columns, types, strict=True)})


def test_popularity_counts_seven_days_and_the_audience_all_of_them():
    rows = features(
        ("mug", 1, 2, 3, 4, date(2024, 3, 8)),  # the cut
        ("mug", 1, 0, 0, 1, date(2024, 3, 2)),  # six days before: the seventh day
        ("mug", 9, 9, 9, 1, date(2024, 3, 1)),  # a day too old for popularity
        ("pen", 1, 0, 0, 2, date(2024, 3, 8)),
        ("fez", 7, 7, 7, 7, date(2024, 3, 8)),  # not in the vocabulary
    )
    popularity, audience = reading.demand(rows, THREE, date(2024, 3, 8))
    assert popularity.tolist() == [0, 0, 7, 1]
    assert audience.tolist() == [0, 0, 6 / 8, 2 / 8]


def test_without_any_features_nothing_is_popular():
    popularity, audience = reading.demand(features(), THREE, DAY1)
    assert (popularity.tolist(), audience.tolist()) == ([0, 0, 0, 0], [0, 0, 0, 0])


def vocabulary(*rows):
    names = ("item_id", "index", "title", "category", "price", "tombstone", "generation")
    columns = list(zip(*rows, strict=True))
    return pa.table({name: pa.array(values) for name, values in zip(names, columns, strict=True)})


def test_further_columns_are_read_as_the_inputs_name_them_and_are_unknown_in_an_older_vocabulary():
    rows = vocabulary(("pen", 2, None, None, None, False, 1), ("mug", 1, "Mug", None, None, False, 1))
    inputs = parse_schema("title:words,brand:category,size:number")
    assert reading.load_vocabulary(rows, inputs).attributes["brand"].tolist() == ["", "", ""]
    told = pa.array([None, [("brand", "Inky"), ("colour", "red")]], type=pa.map_(pa.string(), pa.string()))
    found = reading.load_vocabulary(rows.append_column("attributes", told), inputs)
    assert {name: values.tolist() for name, values in found.attributes.items()} == {
        "brand": ["", "Inky", ""],
        "size": ["", "", ""],
    }


def test_row_i_of_a_vocabulary_is_index_i_in_whatever_order_it_is_stored():
    from decimal import Decimal

    found = reading.load_vocabulary(
        vocabulary(("pen", 2, None, None, None, True, 3), ("mug", 1, "Mug", "kitchen", Decimal("4.50"), False, 3))
    )
    assert found.item_ids.tolist() == ["", "mug", "pen"]
    assert found.titles.tolist() == ["", "Mug", ""]
    assert found.categories.tolist() == ["", "kitchen", ""]
    assert found.prices[1] == 4.5
    assert np.isnan(found.prices[[0, 2]]).all()
    assert found.tombstones.tolist() == [False, False, True]
    assert found.generation == 3


@pytest.mark.parametrize("indexes", [(1, 3), (0, 1), (2, 3)])
def test_a_vocabulary_with_a_hole_is_refused(indexes):
    rows = [(name, index, None, None, None, False, 1) for name, index in zip(("mug", "pen"), indexes, strict=True)]
    with pytest.raises(BundleError) as caught:
        reading.load_vocabulary(vocabulary(*rows))
    assert str(caught.value) == "vocabulary: its indexes have a hole; materialize the asset `vocabulary` again"


def test_a_table_that_does_not_exist_says_how_to_make_it(tmp_path):
    settings = Settings(_env_file=None, lake=str(tmp_path))
    with pytest.raises(LakeError) as caught:
        reading.scan(settings, "histories")
    assert str(caught.value) == (
        f"{tmp_path}/tables/histories: the table does not exist yet; "
        "land some days (`freshet land FILE…`), then run "
        "`dagster asset materialize -m pipelines.definitions --select '+histories' --partition-range FIRST...LAST`"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.spark
def test_a_table_nobody_made_in_a_lake_with_others_says_so_too(shop):
    with pytest.raises(LakeError, match="tables/weather: the table does not exist yet"):
        reading.scan(shop.settings, "weather")


def plain(value):
    """As Spark gives it: times without a zone, maps as dictionaries, structs as tuples."""
    if isinstance(value, dict):
        return tuple(plain(part) for part in value.values())
    if isinstance(value, list):
        return [plain(part) for part in value]
    return value.replace(tzinfo=None) if hasattr(value, "tzinfo") else value


def of_spark(value):
    return [tuple(part) if isinstance(part, tuple) else part for part in value] if isinstance(value, list) else value


@pytest.mark.spark
@pytest.mark.parametrize(
    "table", [t for t in TABLES if t.name not in ("impressions", "recommendations")], ids=lambda table: table.name
)
def test_pyiceberg_reads_what_spark_reads(shop, table):
    read = reading.scan(shop.settings, table.name).select(table.names).to_pylist()
    rows = [tuple(plain(value) for value in row.values()) for row in read]
    written = [tuple(of_spark(value) for value in row) for row in rows_of(shop.spark, table.name)]
    assert sorted(rows, key=str) == sorted(written, key=str)
    assert rows != []


@pytest.mark.spark
def test_a_snapshot_that_is_gone_says_what_to_do(shop):
    gone = shop.training_set.model_copy(update={"snapshots": {**shop.training_set.snapshots, "training_set": 7}})
    with pytest.raises(LakeError) as caught:
        reading.load_training_set(shop.settings, gone)
    assert str(caught.value) == (
        f"{shop.settings.lake}/tables/training_set: its snapshot 7 is gone; materialize `training_set` again"
    )


@pytest.mark.spark
def test_a_scan_takes_columns_and_rows(shop):
    found = reading.scan(shop.settings, "user_features", fields=("events",), where=f"landing_date = '{DAY2}'")
    assert found.column_names == ["events"]
    assert sorted(found["events"].to_pylist()) == [1, 2]


@pytest.mark.spark
def test_the_training_set_in_memory_is_the_one_worked_out(shop):
    data = reading.load_training_set(shop.settings, shop.training_set)
    h = data.histories
    arrays = (h.items, h.types, h.times, h.days)
    found = {
        str(who): (
            *(list(array[h.offsets[i] : h.offsets[i + 1]]) for array in arrays),
            data.first_days[i], data.activity[i], data.purchases[i],
        )
        for i, who in enumerate(h.shoppers)
    }  # fmt: skip
    assert found == world.TRAINING_SET
    assert list(h.shoppers) == sorted([ANN, BOB, S2, S4])
    assert data.popularity.tolist() == world.POPULARITY
    assert data.audience.tolist() == world.AUDIENCE
    assert data.vocabulary.item_ids.tolist() == ["", "cup", "mug", "pen", "hat"]
    assert data.vocabulary.titles.tolist() == ["", "Cup", "Blue mug", "Pen", ""]
    assert (data.cut, data.as_of) == (N2, N3)
    assert {array.dtype for array in (h.offsets, h.items, h.types, h.times, h.days, data.activity)} == {
        np.dtype(np.int64)
    }


@pytest.mark.spark
def test_a_shoppers_history_comes_from_all_days_in_canonical_order(shop):
    assert reading.shopper_history(shop.settings, ANN) == [
        ("mug", "view", seconds(1, 9), N1),
        ("mug", "cart", seconds(1, 9), N1),
        ("cup", "purchase", seconds(1, 11), N1),
        ("pen", "view", seconds(1, 23, 59), N2),  # landed a day late, stands where it happened
        ("pen", "purchase", seconds(3, 12), N3),
    ]
    assert reading.shopper_history(shop.settings, "0" * 32) == []


@pytest.mark.spark
def test_a_tag_keeps_its_snapshot_and_a_second_tag_of_the_name_changes_nothing(shop):
    snapshot = shop.training_set.snapshots["item_features"]
    for _ in range(2):
        reading.tag(shop.settings, "item_features", snapshot, "bundle_123")
    rows = shop.spark.sql("SELECT type, snapshot_id FROM lake.shop.item_features.refs WHERE name = 'bundle_123'")
    assert [tuple(row) for row in rows.collect()] == [("TAG", snapshot)]
