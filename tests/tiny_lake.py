"""The tiny shop of tests/world.py in its own lake, with its days run as the assets run them."""

import shutil
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from freshet.ingest.mapping.source_mapping import read_mapping
from freshet.settings import Settings
from freshet.store import open_store
from tests.world import DELIVERIES, KEY, MAPPING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from freshet.features.daily_tables import DailyTables
    from freshet.publishing.publish import PublishResult


def shop_settings(folder: Path, **overrides: object) -> Settings:
    """The shop's settings, with its mapping file and an empty lake in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mapping.yaml").write_text(MAPPING)
    fields = {
        "lake": str(folder / "lake"),
        "mapping": folder / "mapping.yaml",
        "first_day": date(2024, 1, 1),
        "pseudonym_key": SecretStr(KEY.decode()),
        "max_invalid_share": 0.25,  # one bad row of five is a large share, and these days are tiny
        **overrides,
    }
    assert fields.keys() <= Settings.model_fields.keys()  # Settings ignores names that it does not have
    Path(fields["lake"]).mkdir(parents=True, exist_ok=True)
    return Settings(_env_file=None, **fields)


def deliver_files(settings: Settings, day: date, files: Mapping[str, str | bytes]) -> None:
    """Put files into the landing folder of a day."""
    folder = Path(settings.lake) / "landing" / "events" / f"dt={day}"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def withdraw(settings: Settings, day: date) -> None:
    """Remove the landed files of a day."""
    shutil.rmtree(Path(settings.lake) / "landing" / "events" / f"dt={day}")


def deliver_all_days(settings: Settings) -> None:
    """The three days of the shop."""
    for day, files in DELIVERIES.items():
        deliver_files(settings, day, files)


def lake_session(spark: "SparkSession", settings: Settings) -> "SparkSession":
    """A session of the running Spark with the lake of `settings` mounted instead: it starts at once."""
    from freshet.tables import spark_session as session

    spark_session = spark.newSession()
    for name, value in session.spark_options(settings).items():
        if name.startswith("spark.sql.catalog."):
            spark_session.conf.set(name, value)
    return spark_session


def day_run(spark: "SparkSession", settings: Settings, days: Sequence[date]) -> "DailyTables":
    """A run of these days."""
    from freshet.features.daily_tables import DailyTables

    return DailyTables(spark, settings, open_store(settings.lake), days)


def run_events(run: "DailyTables") -> "dict[str, PublishResult]":
    """raw_events, quarantined_events and events of the run's days."""
    from freshet.features.deduplication import publish_events

    return {
        "raw_events": run.publish_raw_events(read_mapping(run.settings.mapping), KEY),
        "quarantined_events": run.publish_quarantined_events(),
        "events": publish_events(run),
    }


def run_features(run: "DailyTables") -> "dict[str, PublishResult]":
    """The tables made from events, each checked against the same counts as its asset."""
    from freshet.features import daily
    from freshet.tables import schemas

    return {
        "items": run.publish_from_events(schemas.ITEMS, daily.items, "items", None),
        "item_features": run.publish_from_events(schemas.ITEM_FEATURES, daily.item_features, "rows", "returns"),
        "user_features": run.publish_from_events(schemas.USER_FEATURES, daily.user_features, "rows", None),
        "histories": run.publish_from_events(schemas.HISTORIES, daily.histories, "rows", None),
    }


def published_rows(spark: "SparkSession", table: str) -> list[tuple[object, ...]]:
    """Return every published row of a table as plain values, sorted, so that two lakes can be compared."""
    return sorted((tuple(row) for row in spark.table(f"lake.shop.{table}").collect()), key=str)
