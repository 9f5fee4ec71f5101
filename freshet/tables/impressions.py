"""What the gateway answered, from its landed files to a daily table: every line accounted for, each answer once."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Final

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.storagelevel import StorageLevel

from freshet import columns as c
from freshet.landing import IMPRESSIONS as LANDED
from freshet.landing import LandedFile, landed_files
from freshet.tables import lake
from freshet.tables.day_run import DayRun
from freshet.tables.facts import UNDELIVERED, Facts
from freshet.tables.publication import Publication
from freshet.tables.schemas import IMPRESSIONS
from freshet.tables.sources import numbered

OUTCOME: Final = "outcome"
NEEDED: Final = ("request_id", "items", "tier", "arm", "bundle", "release", "shown_at")  # a shopper need not be known
_LINE: Final = (
    "request_id STRING, shopper STRING, items ARRAY<STRING>, tier STRING, arm STRING, bundle STRING, release INT, "
    f"shown_at STRING, {c.CORRUPT} STRING"
)
_PATH: Final = r"^.*/landing/impressions/(dt=(\d{4}-\d{2}-\d{2})/.*)$"


def publish_impressions(run: DayRun) -> Publication:
    """The impressions landed on the run's days, through their gate; a day on which nobody was shown anything is fine.

    Raises LakeError where the stage cannot be written.
    """
    files = landed_files(run.store, run.days, LANDED)
    if not files:
        nothing = lake.nothing(run.spark, IMPRESSIONS)
        return run.publish(nothing, IMPRESSIONS, _facts(run.days, files, {}))
    urls = [run.store.where(file.path) for file in files]
    lines = outcomes(read_lines(run.spark, urls)).persist(StorageLevel.MEMORY_AND_DISK)
    try:
        counted = lines.groupBy(c.LANDING_DATE, OUTCOME).count().collect()
        counts = {(row[c.LANDING_DATE], row[OUTCOME]): int(row["count"]) for row in counted}
        rows = lines.where(F.col(OUTCOME) == "published").select(*IMPRESSIONS.names)
        return run.publish(rows, IMPRESSIONS, _facts(run.days, files, counts))
    finally:
        lines.unpersist()


def read_lines(spark: SparkSession, urls: Sequence[str]) -> DataFrame:
    """Every line of the landed files as an impression, null where it says nothing, with its landing day and place.

    Read as text first: Spark's own reader of JSON would make no row, or many, of a line that holds a list.
    """
    urls = [url.replace("s3://", "s3a://", 1) for url in urls]
    how = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": c.CORRUPT}
    lines = numbered(spark.read.text(urls)).withColumn("line", F.from_json("value", _LINE, how))
    return lines.select("line.*", c.SOURCE_FILE, c.SOURCE_ROW).withColumns(
        {
            c.LANDING_DATE: F.to_date(F.regexp_extract(c.SOURCE_FILE, _PATH, 2)),
            c.SOURCE_FILE: F.regexp_extract(c.SOURCE_FILE, _PATH, 1),
            "shown_at": F.try_to_timestamp("shown_at"),
        }
    )


def outcomes(lines: DataFrame) -> DataFrame:
    """Every line with its `outcome`: malformed, duplicate (its request id stands earlier on the day) or published."""
    order = Window.partitionBy(c.LANDING_DATE, "request_id").orderBy(
        F.col("_malformed").asc(), c.SOURCE_FILE, c.SOURCE_ROW
    )
    place = F.row_number().over(order.rowsBetween(Window.unboundedPreceding, Window.currentRow))
    outcome = F.when(F.col("_malformed"), "malformed").when(F.col("_place") > 1, "duplicate").otherwise("published")
    marked = lines.withColumn("_malformed", _malformed()).withColumn("_place", place)
    return marked.withColumn(OUTCOME, outcome).drop("_malformed", "_place")


def _malformed() -> Column:
    """Torn, not JSON, or without what makes it an impression."""
    broken = F.col(c.CORRUPT).isNotNull() | (F.col("request_id") == "") | F.exists("items", lambda item: item.isNull())
    for name in NEEDED:
        broken |= F.col(name).isNull()
    return F.coalesce(broken, F.lit(True))


def _facts(days: Sequence[date], files: Sequence[LandedFile], counts: dict[tuple[date, str], int]) -> Facts:
    """Per day: files, lines landed, those that are malformed (quarantined where they lie) and duplicates."""
    landed: dict[date, int] = defaultdict(int)
    for (day, _), count in counts.items():
        landed[day] += count
    files_of = {day: sum(file.day == day for file in files) for day in days}
    return {
        "files": files_of,
        UNDELIVERED: {day: int(files_of[day] == 0) for day in days},
        "landed": {day: landed[day] for day in days},
        "skipped": dict.fromkeys(days, 0),
        "quarantined": {day: counts.get((day, "malformed"), 0) for day in days},
        "duplicate": {day: counts.get((day, "duplicate"), 0) for day in days},
    }
