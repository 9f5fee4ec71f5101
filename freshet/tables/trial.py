"""A mapping tried on files before anything runs: what they would become, and what would be refused."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from freshet import columns as c
from freshet.cutting import records
from freshet.errors import LandingError
from freshet.tables.contract import OUTCOME, outcomes
from freshet.tables.faulty_columns import FaultyColumn, faulty_columns
from freshet.tables.headers import LocalFile, as_text, unpacked
from freshet.tables.inspection import look
from freshet.tables.mapping import Mapping, check_expressions
from freshet.tables.raw_events import to_raw_events
from freshet.tables.sources import read_files, source_schema

if TYPE_CHECKING:
    from pyspark.sql import Row

SHOWN: Final = (
    c.EVENT_TYPE, c.EVENT_TIME, c.ITEM_ID, c.USER_ID, c.SESSION_ID, c.QUANTITY, c.PRICE, c.TITLE, c.CATEGORY, c.CONTEXT,
)  # fmt: skip


@dataclass(frozen=True)
class Example:
    """One row of a group: its file and record (from 1), and the record's text as it stands there (None: parquet)."""

    file: str
    row: int
    text: str | None


@dataclass(frozen=True)
class Group:
    """Rows of one fate. reason: None unless quarantined."""

    outcome: str
    reason: str | None
    rows: int
    example: Example
    faulty: tuple[FaultyColumn, ...] = ()


@dataclass(frozen=True)
class TriedDay:
    """A landing day: its rows by outcome; reasons: reason → quarantined rows."""

    day: date
    outcomes: dict[str, int]
    reasons: dict[str, int]

    @property
    def rows(self) -> int:
        return sum(self.outcomes.values())


@dataclass(frozen=True)
class Trial:
    """first: published rows in the files' order, column → text. types: event type → published rows."""

    first: tuple[dict[str, str], ...]
    types: dict[str, int]
    groups: tuple[Group, ...]
    days: tuple[TriedDay, ...] = ()

    @property
    def rows(self) -> int:
        return sum(group.rows for group in self.groups)


def check_files(paths: Sequence[Path], mapping: Mapping, columns_too: bool) -> None:
    """Raise LandingError for the first file that cannot be read. columns_too: or lacks a column of the mapping."""
    for path in paths:
        if not path.is_file():
            raise LandingError(str(path), "is no file", "name the files to try the mapping on")
        mistake = look(LocalFile(path), mapping if columns_too else None, thorough=True)
        if mistake is not None:
            raise LandingError(str(path), mistake.problem, mistake.fix)


def trial(
    spark: SparkSession, mapping: Mapping, paths: Sequence[Path], today: date, lookback_days: int, first: int = 5
) -> Trial:
    """Map `paths` and hold every row against the contract.

    Where `freshet land` would cut the files by their dates, a row lands on the day of its event, else today.
    Raises LandingError for a file that cannot be read, MappingError for an expression that does not fit.
    """
    check_files(paths, mapping, columns_too=False)
    source = read_files(spark, mapping, [LocalFile(path) for path in paths])
    check_expressions(mapping, source_schema(source), spark)
    check_files(paths, mapping, columns_too=True)
    raw = to_raw_events(source.withColumn(c.LANDING_DATE, F.lit(today)), mapping, b"trial")
    if mapping.landing is not None:
        raw = raw.withColumn(c.LANDING_DATE, F.coalesce(F.to_date(c.EVENT_TIME), F.lit(today)))
    judged = outcomes(raw, lookback_days).cache()
    try:
        return _told(judged, source, mapping, first)
    finally:
        judged.unpersist()


def _told(judged: DataFrame, source: DataFrame, mapping: Mapping, first: int) -> Trial:
    place = F.struct(c.SOURCE_FILE, c.SOURCE_ROW)
    grouped = judged.groupBy(OUTCOME, c.REASON).agg(F.count("*").alias("rows"), F.min(place).alias("place")).collect()
    found = faulty_columns(judged, source, mapping, [row[c.REASON] for row in grouped if row[c.REASON]])
    published = judged.where(F.col(OUTCOME) == "published")
    ordered = published.orderBy(c.SOURCE_FILE, c.SOURCE_ROW, c.SOURCE_POSITION).limit(first)
    groups = (_group(row, mapping, found.get(row[c.REASON], ())) for row in grouped)
    return Trial(
        first=tuple({name: _shown(row, name) for name in SHOWN} for row in ordered.collect()),
        types={row[0]: row[1] for row in published.groupBy(c.EVENT_TYPE).count().orderBy(c.EVENT_TYPE).collect()},
        groups=tuple(sorted(groups, key=lambda group: (group.outcome, -group.rows, group.reason or ""))),
        days=_days(judged),
    )


def _days(judged: DataFrame) -> tuple[TriedDay, ...]:
    outcome: dict[date, Counter[str]] = defaultdict(Counter)
    reasons: dict[date, Counter[str]] = defaultdict(Counter)
    for row in judged.groupBy(c.LANDING_DATE, OUTCOME, c.REASON).count().collect():
        day, rows = row[c.LANDING_DATE], row["count"]
        outcome[day][row[OUTCOME]] += rows
        if row[c.REASON] is not None:
            reasons[day][row[c.REASON]] += rows
    return tuple(TriedDay(day, dict(outcome[day]), dict(reasons[day])) for day in sorted(outcome))


def _shown(row: "Row", name: str) -> str:
    value = row[name]
    if value is None:
        return ""
    if name in (c.USER_ID, c.SESSION_ID):
        return f"{value[:6]}…"
    return ", ".join(f"{k}={v}" for k, v in value.items()) if name == c.CONTEXT else str(value)


def _group(row: "Row", mapping: Mapping, found: tuple[FaultyColumn, ...]) -> Group:
    url, number = row["place"]
    path = Path(url.removeprefix("file:"))
    example = Example(path.name, number, _text(path, number, mapping))
    return Group(row[OUTCOME], row[c.REASON], row["rows"], example, found)


def _text(path: Path, number: int, mapping: Mapping) -> str | None:
    """The record as it stands in the file."""
    source = mapping.source
    if source.format == "parquet":
        return None
    with unpacked(LocalFile(path)) as stream:
        _, found = records(as_text(stream, source), path.name, source, None)
        return next((text.rstrip("\r\n") for text, _ in islice(found, number - 1, None)), None)
