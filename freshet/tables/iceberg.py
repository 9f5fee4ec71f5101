"""Write, audit, publish with Iceberg: stage a frame as a snapshot that readers do not see, publish it afterwards."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from freshet.data.columns import LANDING_DATE
from freshet.data.day_numbers import day_from_number
from freshet.errors import LakeError
from freshet.tables.schemas import Table
from freshet.tables.spark_errors import causes, java_classes, root_cause
from freshet.tables.spark_session import CATALOG_NAME

NAMESPACE = f"{CATALOG_NAME}.shop"
# Text in an exception → what it means, what to do; the first match counts.
_KNOWN_FAILURES: Final = (
    ("No space left on device", "the disk is full", "free some space and run it again"),
    ("Read-only file system", "the lake's disk is read-only", "mount it writable and run it again"),
    ("Permission denied", "the lake's folder may not be written", "give this user the right to write it, run it again"),
    ("SQLITE_READONLY", "the lake's catalogue (catalog.db) may not be written",
     "give this user the right to write it, run it again"),
    ("SQLITE_CORRUPT", "the lake's catalogue (catalog.db) is damaged", "restore catalog.db from a backup of the lake"),
    ("SQLITE_NOTADB", "the lake's catalogue (catalog.db) is damaged", "restore catalog.db from a backup of the lake"),
)  # fmt: skip
# Iceberg's exceptions where another commit has changed the partitions that a staged snapshot replaces.
_CONFLICT_CLASSES: Final = frozenset(
    {"ValidationException", "CommitFailedException", "CherrypickAncestorCommitException", "DuplicateWAPCommitException"}
)


@dataclass(frozen=True)
class StagedWrite:
    """A staged snapshot. `snapshot` is None if there was nothing to write."""

    table: Table
    attempt: str  # the snapshot's wap.id, different for every attempt
    snapshot: int | None
    days: tuple[date, ...]  # the landing days that it replaces; empty for a table that is not partitioned
    written_days: tuple[date, ...] = ()  # those of them that have rows


def full_name(table: Table) -> str:
    """Return the table's name in Spark SQL."""
    return f"{NAMESPACE}.{table.name}"


def ensure_table(spark: SparkSession, table: Table) -> None:
    """Create the table if it does not exist, and add the columns that a table of an older Freshet lacks.

    Raises LakeError if the catalogue or the table's metadata cannot be read or written.
    """
    try:
        _create_table(spark, table)
    except (PySparkException, Py4JJavaError) as error:
        raise to_lake_error(table.name, error) from error


def _create_table(spark: SparkSession, table: Table) -> None:
    if spark.catalog.tableExists(full_name(table)):
        _add_missing_columns(spark, table)
        return
    columns = ", ".join(f"`{c.name}` {c.type} COMMENT '{_escape_comment(c.description)}'" for c in table.columns)
    partition = f"PARTITIONED BY ({LANDING_DATE})" if table.daily else ""
    spark.sql(f"CREATE NAMESPACE IF NOT EXISTS {NAMESPACE}")
    spark.sql(
        f"CREATE TABLE IF NOT EXISTS {full_name(table)} ({columns}) USING iceberg {partition} TBLPROPERTIES ("
        # `none` and fanout: a day's frame is already laid out by day, a second shuffle would only take time.
        "'format-version'='2', 'write.wap.enabled'='true', 'write.distribution-mode'='none',"
        "'write.spark.fanout.enabled'='true', 'write.parquet.compression-codec'='zstd',"
        # Keep a rejected stage as evidence for a while, but not the metadata of every snapshot.
        "'write.metadata.delete-after-commit.enabled'='true', 'write.metadata.previous-versions-max'='20')"
    )


def _add_missing_columns(spark: SparkSession, table: Table) -> None:
    """Add the columns; older rows have null in them, and no data file changes."""
    existing_columns = set(spark.table(full_name(table)).columns)
    missing_columns = [
        f"`{c.name}` {c.type} COMMENT '{_escape_comment(c.description)}'"
        for c in table.columns
        if c.name not in existing_columns
    ]
    if missing_columns:
        spark.sql(f"ALTER TABLE {full_name(table)} ADD COLUMNS ({', '.join(missing_columns)})")


def _escape_comment(text: str) -> str:
    return text.replace("'", "’")


def write(frame: DataFrame, table: Table, days: Sequence[date] = ()) -> StagedWrite:
    """Stage the frame: write it as a snapshot that no reader sees. Published rows do not change, even if it fails.

    Raises LakeError if the write fails.
    """
    spark = frame.sparkSession
    ensure_table(spark, table)
    attempt = f"freshet-{uuid.uuid4().hex}"
    spark.conf.set("spark.wap.id", attempt)
    try:
        _repartition(frame.select(*table.column_names), table, days).writeTo(full_name(table)).overwritePartitions()
    except (PySparkException, Py4JJavaError) as error:
        raise to_lake_error(_error_location(table, days), error) from error
    finally:
        spark.conf.unset("spark.wap.id")
    snapshot = _attempt_snapshot(spark, table, attempt)
    return StagedWrite(
        table=table,
        attempt=attempt,
        snapshot=snapshot,
        days=tuple(days),
        written_days=_written_days(spark, table, snapshot),
    )


def read_staged(spark: SparkSession, stage: StagedWrite) -> DataFrame:
    """Return exactly the rows that the stage wrote: its snapshot also holds the older rows of every other day."""
    if stage.snapshot is None:
        return empty_frame(spark, stage.table)
    return _filter_days(read_snapshot(spark, stage.table, stage.snapshot), stage.table, stage.written_days)


def empty_frame(spark: SparkSession, table: Table) -> DataFrame:
    """Return the table without rows; `createDataFrame([])` would start a Python worker."""
    return spark.range(0).select(*(F.lit(None).cast(column.type).alias(column.name) for column in table.columns))


def read_published(spark: SparkSession, table: Table, days: Sequence[date] = ()) -> DataFrame:
    """Return the published rows of these days; of all days if none is given."""
    ensure_table(spark, table)
    frame = spark.table(full_name(table))
    return _filter_days(frame, table, days) if days else frame


def read_snapshot(spark: SparkSession, table: Table, snapshot: int) -> DataFrame:
    """Return the table as of one snapshot, published or staged."""
    return spark.read.option("versionAsOf", snapshot).table(full_name(table))


def publish_stage(spark: SparkSession, stage: StagedWrite, days: Sequence[date] | None = None) -> int | None:
    """Publish the stage, or only the given days of it; return the snapshot that readers see then.

    A day without rows loses the rows it had. Raises LakeError if another run has published one of the days since the
    stage was written: then this attempt is dropped and the other run's rows stay.
    """
    good_days = tuple(stage.days if days is None else days)
    if stage.table.daily and not good_days:
        return current_snapshot(spark, stage.table)
    if good_days != stage.days:
        frame = _filter_days(read_staged(spark, stage), stage.table, good_days)
        stage = write(frame, stage.table, good_days)
    if stage.snapshot is not None:
        _publish_changes(spark, stage)
    _clear_empty_days(spark, stage)
    return current_snapshot(spark, stage.table)


def current_snapshot(spark: SparkSession, table: Table) -> int | None:
    """Return the snapshot that readers see; None before the first."""
    snapshot = _iceberg_table(spark, table).currentSnapshot()
    return None if snapshot is None else int(snapshot.snapshotId())


def rows_by_day(spark: SparkSession, table: Table) -> dict[date, int]:
    """Return the published rows of each day, from Iceberg's own counts: no row is read."""
    ensure_table(spark, table)
    partition_rows = spark.sql(
        f"SELECT partition.{LANDING_DATE} AS day, SUM(record_count - position_delete_record_count) AS rows "
        f"FROM {full_name(table)}.partitions GROUP BY 1"
    )
    return {row["day"]: int(row["rows"]) for row in partition_rows.collect()}


def to_lake_error(where: str, error: Exception) -> LakeError:
    """Return the LakeError for an exception of Spark: a known failure with its fix, else the cause that Spark names."""
    if (failure := _known_failure(error)) is not None:
        what, fix = failure
        return LakeError(where, f"{what}; nothing was published, readers see what they saw before", fix)
    return LakeError(
        where, f"Spark could not write it ({root_cause(error)})", "see the run's log, fix the cause, run it again"
    )


def is_conflict(error: Exception) -> bool:
    """Return whether Iceberg refused a commit because another one came before it."""
    return _known_failure(error) is None and not _CONFLICT_CLASSES.isdisjoint(java_classes(error))


def _known_failure(error: Exception) -> tuple[str, str] | None:
    """(what it means, what to do) of a failure of the disk or of the catalogue; None for any other."""
    text = " ".join([str(error), *causes(error)])
    return next(((what, fix) for pattern, what, fix in _KNOWN_FAILURES if pattern in text), None)


def _publish_changes(spark: SparkSession, stage: StagedWrite) -> None:
    table_name = full_name(stage.table).removeprefix(f"{CATALOG_NAME}.")
    try:
        spark.sql(f"CALL {CATALOG_NAME}.system.publish_changes('{table_name}', '{stage.attempt}')")
    except (PySparkException, Py4JJavaError) as error:
        where = _error_location(stage.table, stage.days)
        if not is_conflict(error):
            raise to_lake_error(where, error) from error
        raise LakeError(
            where,
            "another run published the same days meanwhile; this attempt is dropped, readers see the other run's rows",
            "run it again if you want this run's rows instead",
        ) from error


def _clear_empty_days(spark: SparkSession, stage: StagedWrite) -> None:
    """Delete the rows of days that became empty: overwritePartitions replaces only partitions that it has rows for."""
    if not stage.days:
        return
    empty_days = set(stage.days) - set(stage.written_days)
    if not empty_days:
        return
    for day in sorted(rows_by_day(spark, stage.table).keys() & empty_days):
        spark.sql(f"DELETE FROM {full_name(stage.table)} WHERE {LANDING_DATE} = DATE '{day}'")


def _written_days(spark: SparkSession, table: Table, snapshot: int | None) -> tuple[date, ...]:
    """The days of the data files that this snapshot added."""
    if snapshot is None or not table.daily:
        return ()
    iceberg_table = _iceberg_table(spark, table)
    integer_class = spark._jvm.java.lang.Integer._java_lang_class  # type: ignore[union-attr]
    files = iceberg_table.snapshot(snapshot).addedDataFiles(iceberg_table.io())
    return tuple(sorted({day_from_number(int(file.partition().get(0, integer_class))) for file in files}))


def _repartition(frame: DataFrame, table: Table, days: Sequence[date]) -> DataFrame:
    """Many days: one task and so one file for each. Few days: Spark's own partitions, so that a big day is parallel."""
    if table.daily and has_many_days(frame.sparkSession, days):
        return frame.repartition(LANDING_DATE)
    return frame.coalesce(_shuffle_partitions(frame.sparkSession))


def has_many_days(spark: SparkSession, days: Sequence[date]) -> bool:
    """Return whether there are enough days to keep every core busy with one task per day."""
    return len(days) > 2 * _shuffle_partitions(spark)


def _shuffle_partitions(spark: SparkSession) -> int:
    return int(spark.conf.get("spark.sql.shuffle.partitions") or "4")


def _filter_days(frame: DataFrame, table: Table, days: Sequence[date]) -> DataFrame:
    if not table.daily:
        return frame
    if not days:
        return frame.limit(0)
    first, last = min(days), max(days)
    in_range = F.col(LANDING_DATE).between(F.lit(first), F.lit(last))
    if len(days) == (last - first).days + 1:
        return frame.where(in_range)
    return frame.where(in_range & F.col(LANDING_DATE).isin(list(days)))


def _attempt_snapshot(spark: SparkSession, table: Table, attempt: str) -> int | None:
    """The snapshot of an attempt; None if it had nothing to write."""
    snapshots = list(_iceberg_table(spark, table).snapshots())
    return next((int(s.snapshotId()) for s in reversed(snapshots) if s.summary().get("wap.id") == attempt), None)


def _iceberg_table(spark: SparkSession, table: Table) -> Any:
    """Iceberg's Java object of the table, refreshed: it answers in milliseconds, a metadata table is a Spark job."""
    iceberg_table = spark._jvm.org.apache.iceberg.spark.Spark3Util.loadIcebergTable(  # type: ignore[union-attr]
        spark._jsparkSession, full_name(table)
    )
    iceberg_table.refresh()
    return iceberg_table


def _error_location(table: Table, days: Sequence[date]) -> str:
    if not days:
        return table.name
    return f"{table.name} {days[0]}" if len(days) == 1 else f"{table.name} {min(days)}…{max(days)}"
