"""The shop's files as rows: read as the mapping says, each row with its place, so that any row can be found again."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from freshet.data import columns as c
from freshet.ingest.files.data_file import DataFile, read_header
from freshet.ingest.files.file_checks import scan_file
from freshet.ingest.files.file_issues import FileIssue, FileScan
from freshet.ingest.files.gateway_files import group_by_mapping
from freshet.ingest.files.parquet_scan import nanosecond_columns, read_footer
from freshet.ingest.mapping.source_mapping import SourceFormat, SourceMapping
from freshet.ingest.mapping.sql_expressions import session_setting
from freshet.landing import MAX_TASK_FILE_BYTES, LandedFile, StoredFile
from freshet.store import Store

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, DataFrameReader, SparkSession
    from pyspark.sql.types import StructType

# path of a landed file → its landing day and its name below landing/events
_LANDED_PATH_PATTERN = r"(?s)^.*/landing/events/(dt=(\d{4}-\d{2}-\d{2})/.*)$"
_TASK_ROW_MASK: Final = (1 << 33) - 1  # the bits of Spark's increasing id that count within a task
_File = TypeVar("_File", bound=DataFile)
# Spark's own options: `*` and `[1]` in a file's name stand for themselves, and each file is listed once.
LITERAL_PATH_OPTIONS: Final = {"__globPaths__": "false", "recursiveFileLookup": "true"}


@dataclass(frozen=True)
class LandedFileIssue:
    """A landed file that cannot be read as the mapping says: what is wrong with it, and what to do."""

    file: LandedFile
    problem: str
    fix: str


def scan_files(store: Store, files: Sequence[LandedFile], mapping: SourceMapping) -> dict[LandedFile, FileScan]:
    """Each file read to its end without Spark: its records, and what is wrong with it."""
    return {
        file: scan_file(StoredFile(store, file), file_mapping)
        for file_mapping, group in group_by_mapping(files, mapping)
        for file in group
    }


def landed_file_issues(scans: dict[LandedFile, FileScan]) -> list[LandedFileIssue]:
    """The files that cannot be read."""
    issues = ((file, scan.issue) for file, scan in scans.items() if scan.issue is not None)
    return [LandedFileIssue(file, issue.problem, issue.fix) for file, issue in issues]


def read_landing(
    spark: "SparkSession", store: Store, mapping: SourceMapping, files: Sequence[LandedFile]
) -> "DataFrame":
    """Every row of the landed files: the source's columns (csv: all text) and where the row comes from.

    landing_date: from the path. source_file: path below landing/events. source_row: record in the file, from 1, the
    same however many days are read. source_position: element of the exploded list, else 0. corrupt_record: the raw
    text of a record that could not be parsed or has a wrong number of fields, else null.

    Files are read in one go per header (usually one), lazily. Call `survey_files` first and leave out the files that
    it names: one that cannot be read fails the whole job.
    """
    from pyspark.sql import functions as F

    rows = read_files(spark, mapping, [StoredFile(store, file) for file in files])
    landing_date = F.to_date(F.regexp_extract(c.SOURCE_FILE, _LANDED_PATH_PATTERN, 2))
    return rows.withColumns(
        {c.LANDING_DATE: landing_date, c.SOURCE_FILE: F.regexp_extract(c.SOURCE_FILE, _LANDED_PATH_PATTERN, 1)}
    )


def read_files(spark: "SparkSession", mapping: SourceMapping, files: Sequence[DataFile]) -> "DataFrame":
    """As `read_landing`, of files anywhere: source_file is the whole path, and there is no landing_date.

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
    """Files that have the same columns (parquet: of the same types) can be read in one go: columns, files."""
    groups: dict[tuple[str, ...], list[_File]] = defaultdict(list)
    for file in files:
        groups[read_header(file, source)].append(file)
    return sorted(groups.items(), key=lambda group: group[0])


def source_schema(rows: "DataFrame") -> "StructType":
    """The columns a mapping's expressions may use: those of `rows` without the ones that say where a row is from."""
    reserved = (c.LANDING_DATE, c.SOURCE_FILE, c.SOURCE_ROW, c.SOURCE_POSITION, c.CORRUPT)
    return rows.drop(*reserved).schema


def _read_group(
    spark: "SparkSession", source: SourceFormat, names: tuple[str, ...], files: Sequence[DataFile]
) -> "DataFrame":
    from pyspark.sql import functions as F

    paths = [file.full_path.replace("s3://", "s3a://", 1) for file in files]
    if source.format == "parquet":
        frame = _read_parquet(spark, files[0], paths).withColumn(c.CORRUPT, F.lit(None).cast("string"))
    elif source.format == "json":
        frame = _spark_reader(spark, source).schema(_add_corrupt_column(source.schema_ or "")).json(paths)
    else:
        columns = ", ".join(f"`{name.replace('`', '``')}` STRING" for name in names)
        frame = _spark_reader(spark, source).schema(_add_corrupt_column(columns)).csv(paths)
    rows = _add_row_numbers(frame, source, files)
    present = {name.lower() for name in frame.columns}
    missing = [name for name in source.optional if name.lower() not in present]
    return rows.withColumns({name: F.lit(None).cast("string") for name in missing})


def _read_parquet(spark: "SparkSession", file: DataFile, paths: list[str]) -> "DataFrame":
    """Times in nanoseconds, for which Spark has no type and gives whole numbers, are cut to microseconds."""
    from pyspark.sql import functions as F

    with file.open() as raw:
        footer = read_footer(raw)
    nanosecond_names = {} if isinstance(footer, FileIssue) else nanosecond_columns(footer)
    frame = spark.read.options(**LITERAL_PATH_OPTIONS).parquet(*paths)
    with session_setting(spark, "spark.sql.session.timeZone", "UTC"):  # where wall-clock times are what they say
        for name, is_utc in nanosecond_names.items():
            quoted = "`" + name.replace("`", "``") + "`"
            time = F.expr(f"timestamp_micros(({quoted} - pmod({quoted}, 1000)) div 1000)")
            frame = frame.withColumn(name, time if is_utc else time.cast("timestamp_ntz"))
        frame.schema  # noqa: B018 - analysed here, in this time zone
    return frame


def _spark_reader(spark: "SparkSession", source: SourceFormat) -> "DataFrameReader":
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
        .option("columnPruning", False)  # else a wrong number of fields goes unseen when few columns are used
    )


def _add_corrupt_column(columns: str) -> str:
    return f"{columns}, `{c.CORRUPT}` STRING"


def _add_row_numbers(frame: "DataFrame", source: SourceFormat, files: Sequence[DataFile]) -> "DataFrame":
    """As `numbered`, without sorting where a row's place is known: parquet counts its rows, and a file that is read by
    one task (see `session.options`) gives them in its order."""
    from pyspark.sql import functions as F

    if source.format == "json" and any(_may_be_split(file) for file in files):
        return number_rows(frame)
    if source.format == "parquet":
        row_number = F.col("_metadata.row_index") + 1
    else:
        row_number = F.monotonically_increasing_id().bitwiseAND(F.lit(_TASK_ROW_MASK)) + 1
    path = _decode_path(F.col("_metadata.file_path"))
    columns = [_quoted_column(name) for name in frame.columns]
    return frame.select(*columns, path.alias(c.SOURCE_FILE), row_number.cast("long").alias(c.SOURCE_ROW))


def _may_be_split(file: DataFile) -> bool:
    """Whether several tasks may read the file: the size of one on S3 is not looked up."""
    if file.name.endswith(".gz"):
        return False
    return "://" in file.full_path or Path(file.full_path).stat().st_size > MAX_TASK_FILE_BYTES


def number_rows(frame: "DataFrame") -> "DataFrame":
    """Rows just read from files, with source_file (its URL) and source_row (from 1 in each file).

    A split keeps the file's order, and splits are ordered by where they start.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    columns = frame.columns
    marked = frame.select(
        *[_quoted_column(name) for name in columns],
        _decode_path(F.col("_metadata.file_path")).alias(c.SOURCE_FILE),
        F.col("_metadata.file_block_start").alias("_block"),
        F.monotonically_increasing_id().alias("_order"),
    )
    in_file = Window.partitionBy(c.SOURCE_FILE).orderBy("_block", "_order")
    row_number = F.row_number().over(in_file.rowsBetween(Window.unboundedPreceding, Window.currentRow))
    return marked.withColumn(c.SOURCE_ROW, row_number.cast("long")).drop("_block", "_order")


def _quoted_column(name: str) -> "Column":
    from pyspark.sql import functions as F

    return F.col("`" + name.replace("`", "``") + "`")


def _decode_path(path: "Column") -> "Column":
    """Spark gives paths as URIs; `+` stands for itself in them, which `url_decode` does not know."""
    from pyspark.sql import functions as F

    return F.url_decode(F.replace(path, F.lit("+"), F.lit("%2B")))


def _explode(rows: "DataFrame", column: str | None) -> "DataFrame":
    from pyspark.sql import functions as F

    if column is None:
        return rows.withColumn(c.SOURCE_POSITION, F.lit(0))
    others = [_quoted_column(name) for name in rows.columns if name != column]
    exploded = rows.select(*others, F.posexplode_outer(_quoted_column(column)).alias(c.SOURCE_POSITION, column))
    return exploded.withColumn(c.SOURCE_POSITION, F.coalesce(c.SOURCE_POSITION, F.lit(0)))
