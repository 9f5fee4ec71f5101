"""Fixtures of all tests: one Spark session, started by the first test that needs it."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from freshet import runtime
from freshet.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from tests.small_shop import SmallShop


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--slow`: also what takes minutes and is skipped otherwise, with its reason."""
    parser.addoption("--slow", action="store_true", help="run also the benchmarks that take minutes at any size")


def pytest_configure() -> None:
    """Prepare the process as every entry point does, before a test imports torch."""
    runtime.prepare_process()


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each worker complete files, and one worker all files that share expensive fixtures.

    Files that use `small_shop` (a trained model) go to one worker, the other files with Spark to another, so that the
    shop and its tables are made once. The long groups start first.
    """
    small_shop_files = {item.path for item in items if "small_shop" in getattr(item, "fixturenames", ())}
    spark_files = {item.path for item in items if item.get_closest_marker("spark")}

    def group(item: pytest.Item) -> str:
        is_drill = item.get_closest_marker("drill") is not None
        if is_drill or item.path not in small_shop_files | spark_files:
            return str(item.path)
        return "small_shop" if item.path in small_shop_files else "spark"

    for item in items:
        item.add_marker(pytest.mark.xdist_group(group(item)))
    order = {"small_shop": 0, "spark": 1}
    items.sort(key=lambda item: (item.get_closest_marker("drill") is None, order.get(group(item), 2)))


@pytest.fixture(scope="session")
def lake_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings the session's Spark was started with; its tables lie in this lake."""
    lake = tmp_path_factory.mktemp("lake")
    return Settings(
        _env_file=None, lake=str(lake), first_day=date(2024, 1, 1), spark_master="local[2]", spark_memory="2g"
    )


@pytest.fixture(scope="session")
def spark(lake_settings: Settings) -> Iterator["SparkSession"]:
    """One session for all tests: starting one takes seconds."""
    from freshet.tables import spark_session

    started = spark_session.start_session(lake_settings)
    yield started
    started.stop()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an own empty lake, without the machine's variables that tests depend on."""
    return Settings(_env_file=None, lake=str(tmp_path / "lake"), first_day=date(2024, 1, 1))


@pytest.fixture(scope="session")
def small_shop(spark: "SparkSession", tmp_path_factory: pytest.TempPathFactory) -> "SmallShop":
    """A simulated shop with a trained model and its bundle. Its journal stays empty."""
    from tests import small_shop

    return small_shop.build_small_shop(spark, tmp_path_factory.mktemp("small") / "lake")
