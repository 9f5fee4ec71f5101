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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the long files first: two run at a time, and neither should wait for the other's last test."""
    small_shop_files = {item.path for item in items if "small_shop" in getattr(item, "fixturenames", ())}
    spark_files = {item.path for item in items if item.get_closest_marker("spark")}

    def rank(item: pytest.Item) -> int:
        if item.get_closest_marker("drill") is not None:
            return 0
        return 1 if item.path in small_shop_files else 2 if item.path in spark_files else 3

    items.sort(key=rank)


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
