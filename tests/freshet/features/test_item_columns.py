"""A catalogue column from the shop's file to the input of the item encoder."""

from functools import partial

import pytest

from freshet.data.hashing import hash_bucket
from freshet.data.item_encoding import encode_attributes, fit_schema
from freshet.features import daily, training_set
from freshet.item_schema import attribute_columns
from freshet.tables import iceberg
from freshet.tables.reader import load_vocabulary, scan_table
from freshet.tables.schemas import ITEMS, VOCABULARY
from tests import tiny_lake
from tests.world import DAY1, HEADER, MAPPING

pytestmark = pytest.mark.spark

BRANDED_HEADER = HEADER.strip() + ",brand\n"
CSV_ROWS = (
    "e1,2024-03-01 09:00:00,ann,s1,mug,view,,4.50,Red mug,kitchen,Inky\n"
    "e2,2024-03-01 10:00:00,ann,s1,pen,view,,,Pen,,\n"
    "e3,2024-03-02 09:00:00,ann,s1,mug,view,,4.50,Red mug,kitchen,Alpino\n"
)


def test_a_column_that_mapping_and_setting_name_is_an_input_of_the_model(spark, tmp_path):
    settings = tiny_lake.shop_settings(tmp_path, item_schema="title:words,brand:category")
    settings.mapping.write_text(MAPPING + "  context:\n    brand: brand\n")
    tiny_lake.deliver_files(settings, DAY1, {"a.csv": BRANDED_HEADER + CSV_ROWS})
    session = tiny_lake.lake_session(spark, settings)
    run = tiny_lake.day_run(session, settings, [DAY1])
    tiny_lake.run_events(run)
    make = partial(daily.items, attributes=attribute_columns(settings.item_feature_schema))
    run.publish_from_events(ITEMS, make, "items", None)
    training_set.publish_vocabulary(session, settings)
    rows = iceberg.read_published(session, VOCABULARY).orderBy("index").select("item_id", "attributes").collect()
    assert [tuple(row) for row in rows] == [("mug", {"brand": "Alpino"}), ("pen", None)]
    vocabulary = load_vocabulary(scan_table(settings, "vocabulary"), settings.item_feature_schema)
    actual = encode_attributes(
        fit_schema(vocabulary.item_schema, vocabulary.item_attributes), vocabulary.item_attributes
    ).features
    assert list(actual) == ["title", "brand"]
    assert actual["brand"].tolist() == [0, hash_bucket("Alpino", 512), 0]
