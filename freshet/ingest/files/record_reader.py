"""Read the records of a data file verbatim, one by one, each with the value that holds its date."""

import csv
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final, TextIO

from freshet.errors import LandingError
from freshet.ingest.mapping.source_mapping import LandingSplit, SourceFormat

MAX_FIELD_CHARS: Final = 32 << 20  # in one field

Record = tuple[str, object]  # (verbatim text with its line end, the value that holds its date)
DayParser = Callable[[object], date | None]


def csv_records(text: TextIO, name: str, source: SourceFormat, date_column: str | None) -> tuple[str, Iterator[Record]]:
    """Return (the header line verbatim, the records). date_column: None gives None for every record.

    Raises LandingError if there is no such column, or if the file is not csv that can be split into records.
    """
    csv.field_size_limit(MAX_FIELD_CHARS)
    raw_lines: list[str] = []
    rows = csv.reader(_tee_lines(text, raw_lines), delimiter=source.delimiter, quotechar=source.quote)
    names, header = list(source.columns), ""
    if not names:
        names = next(rows, [])
        header = _pop_lines(raw_lines)
    if date_column is not None and date_column not in names:
        raise LandingError(
            name,
            f"has no column {date_column}, which `landing.split_by` names (it has {', '.join(names)})",
            "correct `landing.split_by` in the mapping, or land the file under one day with --date",
        )
    date_position = None if date_column is None else names.index(date_column)
    first_line = 1 if source.columns else 2
    return header, _csv_rows(rows, raw_lines, date_position, location=name, first_line=first_line)


def _csv_rows(
    rows: Iterator[list[str]], raw_lines: list[str], date_position: int | None, *, location: str, first_line: int
) -> Iterator[Record]:
    line = first_line  # of the file, where the record begins
    try:
        for row in rows:
            n_lines = len(raw_lines)
            raw = _pop_lines(raw_lines)
            if row:  # not a blank line
                yield raw, row[date_position] if date_position is not None and date_position < len(row) else None
            line += n_lines
    except csv.Error as error:
        fix = "write the file as RFC 4180 has it: line breaks and quotes inside quotes only"
        raise LandingError(f"{location}, line {line}", f"cannot be read as csv ({error})", fix) from None


def json_records(text: TextIO, field_path: str | None) -> Iterator[Record]:
    """Yield the lines that are not blank. field_path: of the date, `ts` or `events.-1.ts` for the last of a list."""
    for line in text:
        if line.strip():
            yield line, None if field_path is None else _json_value(line, field_path)


def day_parser(landing: LandingSplit) -> DayParser:
    """Return a function that reads a day: UTC for an epoch, as written for text; None if it cannot be read."""
    epoch_unit = {"epoch": 1.0, "epoch_ms": 1000.0}.get(landing.date_format)

    @lru_cache(maxsize=65536)  # a file has far fewer times than rows, and strptime is slow
    def parse(text: object) -> date | None:
        try:
            if epoch_unit is not None:
                return datetime.fromtimestamp(float(str(text)) / epoch_unit, UTC).date()
            return datetime.strptime(str(text).strip(), landing.date_format).date()
        except (ValueError, OverflowError, OSError):
            return None

    return parse


def _tee_lines(text: TextIO, raw_lines: list[str]) -> Iterator[str]:
    """Yield the lines, and append each to `raw_lines`: the lines of a record once the csv reader yields it."""
    for line in text:
        raw_lines.append(line)
        yield line


def _pop_lines(raw_lines: list[str]) -> str:
    raw = "".join(raw_lines)
    raw_lines.clear()
    return raw


def _json_value(line: str, field_path: str) -> object:
    try:
        value = json.loads(line)
        for part in field_path.split("."):
            value = value[int(part)] if isinstance(value, list) else value[part]
    except (ValueError, KeyError, IndexError, TypeError):
        return None
    return value if isinstance(value, str | int | float) else None
