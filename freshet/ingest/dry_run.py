"""Dry run of a mapping: the outcome of every row of some files, before anything is landed."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from freshet.data import columns as c
from freshet.errors import LandingError
from freshet.ingest.contract import OUTCOME, add_outcomes
from freshet.ingest.faulty_columns import FaultyColumn, faulty_columns
from freshet.ingest.files.data_file import LocalFile, open_unpacked, text_stream
from freshet.ingest.files.file_checks import inspect_file
from freshet.ingest.mapping.source_mapping import SourceMapping, check_expressions
from freshet.ingest.raw_events import to_raw_events
from freshet.ingest.read_landing import read_files, source_schema
from freshet.ingest.split_by_day import read_records

if TYPE_CHECKING:
    from pyspark.sql import Row

REPORT_COLUMNS: Final = (
    c.EVENT_TYPE, c.EVENT_TIME, c.ITEM_ID, c.USER_ID, c.SESSION_ID, c.QUANTITY, c.PRICE, c.TITLE, c.CATEGORY, c.CONTEXT,
)  # fmt: skip


@dataclass(frozen=True)
class SampleRow:
    """One row of a group: its file and record (from 1), and the record's text verbatim (None: parquet)."""

    file: str
    row: int
    text: str | None


@dataclass(frozen=True)
class OutcomeGroup:
    """The rows with one outcome and reason. reason: None unless quarantined."""

    outcome: str
    reason: str | None
    rows: int
    example: SampleRow
    faulty_columns: tuple[FaultyColumn, ...] = ()


@dataclass(frozen=True)
class DryRunDay:
    """A landing day: its rows by outcome; reasons: reason → quarantined rows."""

    day: date
    outcomes: dict[str, int]
    reasons: dict[str, int]

    @property
    def rows(self) -> int:
        return sum(self.outcomes.values())


@dataclass(frozen=True)
class DryRunReport:
    """The result. first_rows: published rows in the files' order, column → text. event_type_counts: published rows."""

    first_rows: tuple[dict[str, str], ...]
    event_type_counts: dict[str, int]
    groups: tuple[OutcomeGroup, ...]
    days: tuple[DryRunDay, ...] = ()

    @property
    def rows(self) -> int:
        return sum(group.rows for group in self.groups)


def check_files(paths: Sequence[Path], mapping: SourceMapping, check_columns: bool) -> None:
    """Raise LandingError for the first file that cannot be read or, with `check_columns`, lacks a mapped column."""
    for path in paths:
        if not path.is_file():
            raise LandingError(str(path), "is not a file", "name the files to try the mapping on")
        issue = inspect_file(LocalFile(path), mapping if check_columns else None, full_scan=True)
        if issue is not None:
            raise LandingError(str(path), issue.problem, issue.fix)


def dry_run(
    spark: SparkSession,
    mapping: SourceMapping,
    paths: Sequence[Path],
    today: date,
    lookback_days: int,
    n_first_rows: int = 5,
) -> DryRunReport:
    """Map the rows of `paths` and check each against the contract.

    If `freshet land` would split the files by their dates, a row lands on the day of its event, else today.
    Raises LandingError for a file that cannot be read, MappingError for an expression that does not fit.
    """
    check_files(paths, mapping, check_columns=False)
    source_rows = read_files(spark, mapping, [LocalFile(path) for path in paths])
    check_expressions(mapping, source_schema(source_rows), spark)
    check_files(paths, mapping, check_columns=True)
    raw = to_raw_events(source_rows.withColumn(c.LANDING_DATE, F.lit(today)), mapping, b"trial")
    if mapping.landing is not None:
        raw = raw.withColumn(c.LANDING_DATE, F.coalesce(F.to_date(c.EVENT_TIME), F.lit(today)))
    classified = add_outcomes(raw, lookback_days).cache()
    try:
        return _build_report(classified, source_rows, mapping, n_first_rows)
    finally:
        classified.unpersist()


def _build_report(
    classified: DataFrame, source_rows: DataFrame, mapping: SourceMapping, n_first_rows: int
) -> DryRunReport:
    published = classified.where(F.col(OUTCOME) == "published")
    first_rows = published.orderBy(*c.ROW_KEY).limit(n_first_rows).collect()
    type_counts = published.groupBy(c.EVENT_TYPE).count().orderBy(c.EVENT_TYPE).collect()
    return DryRunReport(
        first_rows=tuple({name: _format_value(row, name) for name in REPORT_COLUMNS} for row in first_rows),
        event_type_counts={row[0]: row[1] for row in type_counts},
        groups=_outcome_groups(classified, source_rows, mapping),
        days=_day_outcomes(classified),
    )


def _outcome_groups(classified: DataFrame, source_rows: DataFrame, mapping: SourceMapping) -> tuple[OutcomeGroup, ...]:
    first_location = F.min(F.struct(c.SOURCE_FILE, c.SOURCE_ROW)).alias("location")
    grouped = classified.groupBy(OUTCOME, c.REASON).agg(F.count("*").alias("rows"), first_location).collect()
    reasons = [row[c.REASON] for row in grouped if row[c.REASON]]
    columns_by_reason = faulty_columns(classified, source_rows, mapping, reasons)
    groups = (_outcome_group(row, mapping, columns_by_reason.get(row[c.REASON], ())) for row in grouped)
    return tuple(sorted(groups, key=lambda group: (group.outcome, -group.rows, group.reason or "")))


def _day_outcomes(classified: DataFrame) -> tuple[DryRunDay, ...]:
    outcomes_by_day: dict[date, Counter[str]] = defaultdict(Counter)
    reasons_by_day: dict[date, Counter[str]] = defaultdict(Counter)
    for row in classified.groupBy(c.LANDING_DATE, OUTCOME, c.REASON).count().collect():
        day, rows = row[c.LANDING_DATE], row["count"]
        outcomes_by_day[day][row[OUTCOME]] += rows
        if row[c.REASON] is not None:
            reasons_by_day[day][row[c.REASON]] += rows
    days = sorted(outcomes_by_day)
    return tuple(DryRunDay(day, dict(outcomes_by_day[day]), dict(reasons_by_day[day])) for day in days)


def _format_value(row: "Row", name: str) -> str:
    value = row[name]
    if value is None:
        return ""
    if name in (c.USER_ID, c.SESSION_ID):
        return f"{value[:6]}…"
    return ", ".join(f"{k}={v}" for k, v in value.items()) if name == c.CONTEXT else str(value)


def _outcome_group(row: "Row", mapping: SourceMapping, faulty: tuple[FaultyColumn, ...]) -> OutcomeGroup:
    url, row_number = row["location"]
    path = Path(url.removeprefix("file:"))
    example = SampleRow(path.name, row_number, _record_text(path, row_number, mapping))
    return OutcomeGroup(
        outcome=row[OUTCOME], reason=row[c.REASON], rows=row["rows"], example=example, faulty_columns=faulty
    )


def _record_text(path: Path, row_number: int, mapping: SourceMapping) -> str | None:
    """Return the record's text verbatim; None for parquet."""
    source = mapping.source
    if source.format == "parquet":
        return None
    with open_unpacked(LocalFile(path)) as stream, text_stream(stream, source) as text:
        _, file_records = read_records(text, path.name, source, None)
        return next((text.rstrip("\r\n") for text, _ in islice(file_records, row_number - 1, None)), None)
