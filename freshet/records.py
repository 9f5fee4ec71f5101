"""Records of a data file as they stand in it, one by one, with the text that says on which day each belongs."""

import csv
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final, TextIO

from freshet.errors import LandingError
from freshet.tables.mapping import Landing, Source

LONGEST: Final = 32 << 20  # characters of one field

Record = tuple[str, object]  # (verbatim text with its line end, what stands where the date is expected)
DayOf = Callable[[object], date | None]


def csv_records(text: TextIO, name: str, source: Source, column: str | None) -> tuple[str, Iterator[Record]]:
    """(the header line as it stands, the records). column: where the date is; None gives None for every record.

    Raises LandingError when there is no such column, or a record cannot be told from the next one.
    """
    csv.field_size_limit(LONGEST)
    taken: list[str] = []
    rows = csv.reader(_noted(text, taken), delimiter=source.delimiter, quotechar=source.quote)
    names, head = list(source.columns), ""
    if not names:
        names = next(rows, [])
        head = _take(taken)
    if column is not None and column not in names:
        raise LandingError(
            name,
            f"has no column {column}, which `landing.split_by` names (it has {', '.join(names)})",
            "correct `landing.split_by` in the mapping, or land the file under one day with --date",
        )
    return head, _csv_rows(rows, taken, name, source, None if column is None else names.index(column))


def _csv_rows(
    rows: Iterator[list[str]], taken: list[str], name: str, source: Source, place: int | None
) -> Iterator[Record]:
    line = 1 if source.columns else 2  # of the file, where the record begins
    try:
        for row in rows:
            lines = len(taken)
            raw = _take(taken)
            if row:  # not a blank line
                yield raw, row[place] if place is not None and place < len(row) else None
            line += lines
    except csv.Error as error:
        fix = "write the file as RFC 4180 has it: line breaks and quotes inside quotes only"
        raise LandingError(f"{name}, line {line}", f"cannot be read as csv ({error})", fix) from None


def json_records(text: TextIO, path: str | None) -> Iterator[Record]:
    """The lines of the file. path: where the date is, e.g. `ts`, or `events.-1.ts` for the last of a list."""
    for line in text:
        if line.strip():
            yield line, None if path is None else _value(line, path)


def day_of(landing: Landing) -> DayOf:
    """Reads a day: of an epoch in UTC, of wall-clock text as it stands; None where it cannot be read."""
    unit = {"epoch": 1.0, "epoch_ms": 1000.0}.get(landing.date_format)

    @lru_cache(maxsize=65536)  # a file has far fewer times than rows, and strptime is slow
    def read(text: object) -> date | None:
        try:
            if unit is not None:
                return datetime.fromtimestamp(float(str(text)) / unit, UTC).date()
            return datetime.strptime(str(text).strip(), landing.date_format).date()
        except (ValueError, OverflowError, OSError):
            return None

    return read


def _noted(text: TextIO, taken: list[str]) -> Iterator[str]:
    """Hand on the lines and note them, so that a record's own lines are known once it is complete."""
    for line in text:
        taken.append(line)
        yield line


def _take(taken: list[str]) -> str:
    raw = "".join(taken)
    taken.clear()
    return raw


def _value(line: str, path: str) -> object:
    try:
        value = json.loads(line)
        for part in path.split("."):
            value = value[int(part)] if isinstance(value, list) else value[part]
    except (ValueError, KeyError, IndexError, TypeError):
        return None
    return value if isinstance(value, str | int | float) else None
