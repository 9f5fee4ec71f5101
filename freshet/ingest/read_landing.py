"""Read landed files into Spark rows as the mapping says, each row with its file, record and landing day."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Final, TypeVar

from pyspark.sql import Column, DataFrame, DataFrameReader, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from freshet.data import columns as c
from freshet.ingest.files.data_file import DataFile, read_header
from freshet.ingest.files.file_checks import scan_file
from freshet.ingest.files.file_issues import FileIssue, FileScan
from freshet.ingest.files.gateway_files import group_by_mapping
from freshet.ingest.files.parquet_scan import nanosecond_columns, read_footer
from freshet.ingest.mapping.column_names import quote_name
from freshet.ingest.mapping.source_mapping import SourceFormat, SourceMapping
from freshet.ingest.mapping.sql_expressions import session_setting
from freshet.landing import MAX_TASK_FILE_BYTES, LandedFile, StoredFile
from freshet.store import Store

# The path of a landed file: its name below landing/events (group 1) and its landing day (group 2).
_LANDED_PATH_PATTERN = r"(?s)^.*/landing/events/(dt=(\d{4}-\d{2}-\d{2})/.*)$"
_TASK_ROW_MASK: Final = (1 << 33) - 1  # the bits of `monotonically_increasing_id` that count rows within a task
_File = TypeVar("_File", bound=DataFile)
# Options of Spark by which `*` and `[1]` in a file's name stand for themselves, and each file is listed once.
LITERAL_PATH_OPTIONS: Final = {"__globPaths__": "false", "recursiveFileLookup": "true"}


@dataclass(frozen=True)
class LandedFileIssue:
    """A landed file that cannot be read as the mapping says: the problem and its fix."""

    file: LandedFile
    problem: str
    fix: str


def scan_files(store: Store, files: Sequence[LandedFile], mapping: SourceMapping) -> dict[LandedFile, FileScan]:
    """Read each file to its end without Spark; return its number of records and its first issue."""
    return {
        file: scan_file(StoredFile(store, file), file_mapping)
        for file_mapping, group in group_by_mapping(files, mapping)
        for file in group
    }


def landed_file_issues(scans: dict[LandedFile, FileScan]) -> list[LandedFileIssue]:
    """Return the issues of the files that cannot be read."""
    issues = ((file, scan.issue) for file, scan in scans.items() if scan.issue is not None)
    return [LandedFileIssue(file, issue.problem, issue.fix) for file, issue in issues]


def read_landing(spark: SparkSession, store: Store, mapping: SourceMapping, files: Sequence[LandedFile]) -> DataFrame:
    """Return every row of the landed files: the source's columns (csv: all text) and where the row comes from.

    Columns that it adds: `landing_date`, from the path; `source_file`, the path below landing/events; `source_row`, the
    record in the file, from 1, independent of the days that are read; `source_position`, the element of the exploded
    list, else 0; `corrupt_record`, the raw text of a record that could not be parsed or has a wrong number of fields,
    else null.

    Files with the same header are read together, lazily. Call `scan_files` first and leave out the files with issues:
    one that cannot be read fails the whole job.
    """
    rows = read_files(spark, mapping, [StoredFile(store, file) for file in files])
    landing_date = F.to_date(F.regexp_extract(c.SOURCE_FILE, _LANDED_PATH_PATTERN, 2))
    return rows.withColumns(
        {c.LANDING_DATE: landing_date, c.SOURCE_FILE: F.regexp_extract(c.SOURCE_FILE, _LANDED_PATH_PATTERN, 1)}
    )


def read_files(spark: SparkSession, mapping: SourceMapping, files: Sequence[DataFile]) -> DataFrame:
    """As `read_landing`, for files anywhere: source_file is the full path, and there is no landing_date.

    Raises ValueError without files: their columns would be unknown.
    """
    if not files:
        raise ValueError("no files to read: a day without a delivery has no source rows")
    frames = [
        _read_group(spark, mapping.source, names, group) for names, group in group_by_header(files, mapping.source)
    ]
    rows = reduce(lambda left, right: left.unionByName(right, allowMissingColumns=True), frames)
    return _explode(rows, mapping.source.explode)


def group_by_header(files: Sequence[_File], source: SourceFormat) -> list[tuple[tuple[str, ...], list[_File]]]:
    """Return (columns, files) of files that can be read together: same columns, for parquet of the same types."""
    groups: dict[tuple[str, ...], list[_File]] = defaultdict(list)
    for file in files:
        groups[read_header(file, source)].append(file)
    return sorted(groups.items(), key=lambda group: group[0])


def source_schema(rows: DataFrame) -> StructType:
    """Return the columns that a mapping's expressions may use: those of the source, without the reserved ones."""
    return rows.drop(*c.RESERVED).schema


def _read_group(
    spark: SparkSession, source: SourceFormat, names: tuple[str, ...], files: Sequence[DataFile]
) -> DataFrame:
    paths = [file.full_path.replace("s3://", "s3a://", 1) for file in files]
    if source.format == "parquet":
        frame = _read_parquet(spark, files[0], paths).withColumn(c.CORRUPT, F.lit(None).cast("string"))
    elif source.format == "json":
        frame = _spark_reader(spark, source).schema(_add_corrupt_column(source.schema_ or "")).json(paths)
    else:
        columns = ", ".join(f"{quote_name(name)} STRING" for name in names)
        frame = _spark_reader(spark, source).schema(_add_corrupt_column(columns)).csv(paths)
    rows = _add_row_numbers(frame, source, files)
    present = {name.lower() for name in frame.columns}
    missing = [name for name in source.optional if name.lower() not in present]
    return rows.withColumns({name: F.lit(None).cast("string") for name in missing})


def _read_parquet(spark: SparkSession, file: DataFile, paths: list[str]) -> DataFrame:
    """Read parquet; times in nanoseconds, which Spark reads as integers, are truncated to microseconds."""
    with file.open() as raw:
        footer = read_footer(raw)
    nanosecond_names = {} if isinstance(footer, FileIssue) else nanosecond_columns(footer)
    frame = spark.read.options(**LITERAL_PATH_OPTIONS).parquet(*paths)
    with session_setting(spark, "spark.sql.session.timeZone", "UTC"):  # in which wall-clock times are not shifted
        for name, is_utc in nanosecond_names.items():
            quoted = quote_name(name)
            time = F.expr(f"timestamp_micros(({quoted} - pmod({quoted}, 1000)) div 1000)")
            frame = frame.withColumn(name, time if is_utc else time.cast("timestamp_ntz"))
        frame.schema  # noqa: B018 - Spark analyses the frame here, in this time zone
    return frame


def _spark_reader(spark: SparkSession, source: SourceFormat) -> DataFrameReader:
    reader = (
        spark.read.option("mode", "PERMISSIVE")
        .options(**LITERAL_PATH_OPTIONS)
        .option("columnNameOfCorruptRecord", c.CORRUPT)
        .option("encoding", source.encoding)
    )
    if source.format == "json":
        return reader
    return (
        reader.option("sep", source.delimiter)
        .option("quote", source.quote)
        .option("escape", source.quote)  # RFC 4180: a quote inside quotes is doubled
        .option("header", not source.columns)
        .option("multiLine", True)  # a quoted field may hold line breaks
        .option("columnPruning", False)  # else Spark misses a wrong number of fields when few columns are used
    )


def _add_corrupt_column(columns: str) -> str:
    return f"{columns}, `{c.CORRUPT}` STRING"


def _add_row_numbers(frame: DataFrame, source: SourceFormat, files: Sequence[DataFile]) -> DataFrame:
    """Add source_file and source_row, without sorting if a row's position is known.

    Parquet counts its rows, and a file that one task reads (see `spark_session.spark_options`) gives them in order.
    """
    if source.format == "json" and any(_may_be_split(file) for file in files):
        return number_rows(frame)
    if source.format == "parquet":
        row_number = F.col("_metadata.row_index") + 1
    else:
        row_number = F.monotonically_increasing_id().bitwiseAND(F.lit(_TASK_ROW_MASK)) + 1
    path = _decode_path(F.col("_metadata.file_path"))
    columns = [F.col(quote_name(name)) for name in frame.columns]
    return frame.select(*columns, path.alias(c.SOURCE_FILE), row_number.cast("long").alias(c.SOURCE_ROW))


def _may_be_split(file: DataFile) -> bool:
    """Whether several tasks may read the file; assumed for files on S3, whose size is not looked up."""
    if file.name.endswith(".gz"):
        return False
    return "://" in file.full_path or Path(file.full_path).stat().st_size > MAX_TASK_FILE_BYTES


def number_rows(frame: DataFrame) -> DataFrame:
    """Add source_file (its URL) and source_row (from 1 in each file) to rows that were just read from files.

    A split keeps the file's order, and splits are ordered by where they start.
    """
    columns = frame.columns
    marked = frame.select(
        *[F.col(quote_name(name)) for name in columns],
        _decode_path(F.col("_metadata.file_path")).alias(c.SOURCE_FILE),
        F.col("_metadata.file_block_start").alias("_block"),
        F.monotonically_increasing_id().alias("_order"),
    )
    in_file = Window.partitionBy(c.SOURCE_FILE).orderBy("_block", "_order")
    row_number = F.row_number().over(in_file.rowsBetween(Window.unboundedPreceding, Window.currentRow))
    return marked.withColumn(c.SOURCE_ROW, row_number.cast("long")).drop("_block", "_order")


def _decode_path(path: Column) -> Column:
    """The path of a URI as Spark gives it: `+` stands for itself there, but `url_decode` reads it as a blank."""
    return F.url_decode(F.replace(path, F.lit("+"), F.lit("%2B")))


def _explode(rows: DataFrame, column: str | None) -> DataFrame:
    if column is None:
        return rows.withColumn(c.SOURCE_POSITION, F.lit(0))
    others = [F.col(quote_name(name)) for name in rows.columns if name != column]
    exploded = rows.select(*others, F.posexplode_outer(F.col(quote_name(column))).alias(c.SOURCE_POSITION, column))
    return exploded.withColumn(c.SOURCE_POSITION, F.coalesce(c.SOURCE_POSITION, F.lit(0)))
