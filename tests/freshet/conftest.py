"""The tiny shop, built once for all tests that only read it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from freshet.artifacts import TrainingSetRef
from freshet.settings import Settings
from tests import tiny_lake
from tests.world import DAY2, DAY3, DAYS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from freshet.publishing.publish import PublishResult


@dataclass(frozen=True)
class PublishedShop:
    """The lake after one run over all three days, vocabulary and training set (as of day 3, cut at day 2)."""

    spark: "SparkSession"
    settings: Settings
    publications: "dict[str, PublishResult]"
    training_set: TrainingSetRef


@pytest.fixture(scope="session")
def shop(spark: "SparkSession", tmp_path_factory: pytest.TempPathFactory) -> PublishedShop:
    """Read only: a test that changes tables builds its own lake."""
    from freshet.features import training_set as training_run

    settings = tiny_lake.shop_settings(tmp_path_factory.mktemp("shop"))
    tiny_lake.deliver_all_days(settings)
    session = tiny_lake.lake_session(spark, settings)
    run = tiny_lake.day_run(session, settings, DAYS)
    publications = {**tiny_lake.run_events(run), **tiny_lake.run_features(run)}
    publications["vocabulary"] = training_run.publish_vocabulary(session, settings)
    publications["training_set"], ref = training_run.publish_training_set(session, settings, DAY3, DAY2, 2000)
    return PublishedShop(session, settings, publications, ref)


@pytest.fixture
def empty_lake(spark: "SparkSession", tmp_path_factory: pytest.TempPathFactory) -> "tuple[SparkSession, Settings]":
    """A lake without any table, for a test that changes some; each table in it costs half a second."""
    settings = tiny_lake.shop_settings(tmp_path_factory.mktemp("own"))
    return tiny_lake.lake_session(spark, settings), settings
