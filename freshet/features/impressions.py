"""Publish `impressions`: the lists that the gateway served, from its landed files, each request once."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Final

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.storagelevel import StorageLevel

from freshet.data import columns as c
from freshet.features.daily_tables import DailyTables
from freshet.ingest.contract import OUTCOME
from freshet.ingest.read_landing import number_rows
from freshet.landing import IMPRESSIONS_PREFIX as LANDED_IMPRESSIONS
from freshet.landing import LandedFile, landed_files
from freshet.publishing.gate_inputs import UNDELIVERED, GateInputs
from freshet.publishing.publish import PublishResult
from freshet.tables import iceberg
from freshet.tables.schemas import IMPRESSIONS

REQUIRED_FIELDS: Final = (
    "request_id",
    "items",
    "tier",
    "arm",
    "bundle",
    "release",
    "shown_at",
)  # the shopper may be unknown
_LINE_SCHEMA: Final = (
    "request_id STRING, shopper STRING, items ARRAY<STRING>, tier STRING, arm STRING, bundle STRING, release INT, "
    f"shown_at STRING, {c.CORRUPT} STRING"
)
_PATH_PATTERN: Final = r"^.*/landing/impressions/(dt=(\d{4}-\d{2}-\d{2})/.*)$"


def publish_impressions(run: DailyTables) -> PublishResult:
    """Publish the impressions that landed on the run's days through their gate; a day without any is empty.

    Raises LakeError if the stage cannot be written.
    """
    files = landed_files(run.store, run.days, LANDED_IMPRESSIONS)
    if not files:
        no_rows = iceberg.empty_frame(run.spark, IMPRESSIONS)
        return run.publish(no_rows, IMPRESSIONS, _collect_inputs(run.days, files, {}))
    urls = [run.store.full_path(file.path) for file in files]
    lines = add_line_outcomes(read_lines(run.spark, urls)).persist(StorageLevel.MEMORY_AND_DISK)
    try:
        count_rows = lines.groupBy(c.LANDING_DATE, OUTCOME).count().collect()
        counts = {(row[c.LANDING_DATE], row[OUTCOME]): int(row["count"]) for row in count_rows}
        rows = lines.where(F.col(OUTCOME) == "published").select(*IMPRESSIONS.column_names)
        return run.publish(rows, IMPRESSIONS, _collect_inputs(run.days, files, counts))
    finally:
        lines.unpersist()


def read_lines(spark: SparkSession, urls: Sequence[str]) -> DataFrame:
    """Return every line of the landed files as an impression, with its landing day, file and line number.

    Fields that a line lacks are null. Lines are read as text first: from a line that holds a list, Spark's JSON reader
    makes no row or many.
    """
    urls = [url.replace("s3://", "s3a://", 1) for url in urls]
    options = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": c.CORRUPT}
    lines = number_rows(spark.read.text(urls)).withColumn("line", F.from_json("value", _LINE_SCHEMA, options))
    return lines.select("line.*", c.SOURCE_FILE, c.SOURCE_ROW).withColumns(
        {
            c.LANDING_DATE: F.to_date(F.regexp_extract(c.SOURCE_FILE, _PATH_PATTERN, 2)),
            c.SOURCE_FILE: F.regexp_extract(c.SOURCE_FILE, _PATH_PATTERN, 1),
            "shown_at": F.try_to_timestamp("shown_at"),
        }
    )


def add_line_outcomes(lines: DataFrame) -> DataFrame:
    """Return the lines with `outcome`: malformed, duplicate (request id of an earlier line of the day) or published."""
    window = Window.partitionBy(c.LANDING_DATE, "request_id").orderBy(
        F.col("_malformed").asc(), c.SOURCE_FILE, c.SOURCE_ROW
    )
    position = F.row_number().over(window.rowsBetween(Window.unboundedPreceding, Window.currentRow))
    outcome = F.when(F.col("_malformed"), "malformed").when(F.col("_position") > 1, "duplicate").otherwise("published")
    marked = lines.withColumn("_malformed", _is_malformed()).withColumn("_position", position)
    return marked.withColumn(OUTCOME, outcome).drop("_malformed", "_position")


def _is_malformed() -> Column:
    """Whether a line is truncated, not JSON, or lacks a required field."""
    is_broken = (
        F.col(c.CORRUPT).isNotNull() | (F.col("request_id") == "") | F.exists("items", lambda item: item.isNull())
    )
    for name in REQUIRED_FIELDS:
        is_broken |= F.col(name).isNull()
    return F.coalesce(is_broken, F.lit(True))


def _collect_inputs(
    days: Sequence[date], files: Sequence[LandedFile], counts: dict[tuple[date, str], int]
) -> GateInputs:
    """Return per day: files, landed lines, malformed lines (counted as quarantined) and duplicates."""
    landed: dict[date, int] = defaultdict(int)
    for (day, _), count in counts.items():
        landed[day] += count
    files_by_day = {day: sum(file.day == day for file in files) for day in days}
    return {
        "files": files_by_day,
        UNDELIVERED: {day: int(files_by_day[day] == 0) for day in days},
        "landed": {day: landed[day] for day in days},
        "skipped": dict.fromkeys(days, 0),
        "quarantined": {day: counts.get((day, "malformed"), 0) for day in days},
        "duplicate": {day: counts.get((day, "duplicate"), 0) for day in days},
    }
