"""Options of the Spark session that depend on the lake's size."""

from datetime import date

import pytest

from freshet.settings import Settings
from freshet.tables.spark_session import FIRST_COMPILER_ONLY, LARGE_LAKE_BYTES, LATE_SECOND_COMPILER, spark_options
from tests import tiny_lake


@pytest.fixture
def shop(tmp_path) -> Settings:
    return tiny_lake.shop_settings(tmp_path)


def java_options(settings: Settings) -> list[str]:
    return spark_options(settings)["spark.driver.extraJavaOptions"].split()


def test_a_small_lake_is_worked_on_with_the_first_compiler_alone(shop):
    tiny_lake.deliver_files(shop, date(2024, 3, 1), {"a.csv": b"x" * 1000})
    assert FIRST_COMPILER_ONLY[0] in java_options(shop)


def test_a_lake_without_a_landing_is_a_small_one(shop):
    assert FIRST_COMPILER_ONLY[0] in java_options(shop)


@pytest.mark.parametrize(("name", "size"), [("a.csv", LARGE_LAKE_BYTES), ("a.csv.gz", LARGE_LAKE_BYTES // 8)])
def test_a_large_lake_enables_the_second_compiler(shop, name, size):
    tiny_lake.deliver_files(shop, date(2024, 3, 1), {name: b"x" * size})
    large_lake_options = java_options(shop)
    assert set(LATE_SECOND_COMPILER) <= set(large_lake_options)
    assert FIRST_COMPILER_ONLY[0] not in large_lake_options
