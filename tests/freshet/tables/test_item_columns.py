"""A column of the catalogue on its whole way: from the shop's file into the item encoder's numbers, by settings."""

from functools import partial

import pytest

from freshet.codes import bucket
from freshet.content import encode, fitted
from freshet.item_inputs import attributes_of
from freshet.tables import features, lake, training_run
from freshet.tables.reading import load_vocabulary, scan
from freshet.tables.schemas import ITEMS, VOCABULARY
from tests import tiny_lake
from tests.world import DAY1, HEADER, MAPPING

pytestmark = pytest.mark.spark

BRANDED = HEADER.strip() + ",brand\n"
ROWS = (
    "e1,2024-03-01 09:00:00,ann,s1,mug,view,,4.50,Red mug,kitchen,Inky\n"
    "e2,2024-03-01 10:00:00,ann,s1,pen,view,,,Pen,,\n"
    "e3,2024-03-02 09:00:00,ann,s1,mug,view,,4.50,Red mug,kitchen,Alpino\n"
)


def test_a_column_that_mapping_and_setting_name_is_an_input_of_the_model(spark, tmp_path):
    settings = tiny_lake.shop(tmp_path, item_inputs="title:words,brand:category")
    settings.mapping.write_text(MAPPING + "  context:\n    brand: brand\n")
    tiny_lake.deliver(settings, DAY1, {"a.csv": BRANDED + ROWS})
    own = tiny_lake.session_on(spark, settings)
    run = tiny_lake.day_run(own, settings, [DAY1])
    tiny_lake.run_events(run)
    make = partial(features.items, attributes=attributes_of(settings.item_schema))
    run.from_events(ITEMS, make, "items", None)
    training_run.publish_vocabulary(own, settings)
    rows = lake.published(own, VOCABULARY).orderBy("index").select("item_id", "attributes").collect()
    assert [tuple(row) for row in rows] == [("mug", {"brand": "Alpino"}), ("pen", None)]
    vocabulary = load_vocabulary(scan(settings, "vocabulary"), settings.item_schema)
    found = encode(fitted(vocabulary.inputs, vocabulary.columns), vocabulary.columns).fields
    assert list(found) == ["title", "brand"]
    assert found["brand"].tolist() == [0, bucket("Alpino", 512), 0]
