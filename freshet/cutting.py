"""One file of many days cut into a file per landing day, records verbatim and in their order."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from pathlib import Path
from typing import TextIO

from freshet.errors import LandingError
from freshet.records import DayOf, Record, csv_records, day_of, json_records
from freshet.tables.headers import DataFile, as_text, unpacked
from freshet.tables.mapping import Landing, Source

CHUNK = 50_000  # records held in memory at once

Progress = Callable[[str], None]


@dataclass
class Cut:
    """What a file was cut into. parts: day → file in the working folder, not compressed; rows: day → records.

    first: day → its first record in the file, from 1. undated: records whose date could not be read; they went with
    the record before them. example: the first one's.
    """

    parts: dict[date, Path] = field(default_factory=dict)
    rows: dict[date, int] = field(default_factory=lambda: defaultdict(int))
    first: dict[date, int] = field(default_factory=dict)
    undated: int = 0
    example: object = None


def cut(file: DataFile, source: Source, landing: Landing, folder: Path, progress: Progress) -> Cut:
    """Cut `file` into `folder`.

    Raises LandingError for a missing column, a quote that never closes, and when no date at all can be read.
    """
    found, dates, day = Cut(), day_of(landing), None
    waiting: list[Record] = []
    with unpacked(file) as stream:
        head, found_records = records(as_text(stream, source), file.name, source, landing.split_by)
        while chunk := list(islice(found_records, CHUNK)):
            day = _sort(waiting + chunk, day, dates, found, folder, _encoded(head, source), source)
            waiting = waiting + chunk if day is None else []
            progress(f"{file.name}: {sum(found.rows.values()):,} rows, {len(found.parts)} days")
    if waiting:
        raise LandingError(
            file.name,
            f"no date can be read: {waiting[0][1]!r} in `{landing.split_by}` is not written as {landing.date_format}",
            "correct `landing.date_format` in the mapping, or land the file under one day with --date",
        )
    return found


def records(text: TextIO, name: str, source: Source, split_by: str | None) -> tuple[str, Iterator[Record]]:
    """(the header line, every record) of an open text file."""
    if source.format == "json":
        return "", json_records(text, split_by)
    return csv_records(text, name, source, split_by)


def _sort(
    records: list[Record], day: date | None, dates: DayOf, found: Cut, folder: Path, head: bytes, source: Source
) -> date | None:
    """Append the records to the parts of their days; the day of the last one, None if no date was met yet."""
    days = [dates(value) for _, value in records]
    day = day or next((d for d in days if d is not None), None)
    if day is None:
        return None
    texts: dict[date, list[str]] = defaultdict(list)
    before = sum(found.rows.values()) + 1
    for number, (own, (text, value)) in enumerate(zip(days, records, strict=True), start=before):
        if own is None:
            found.example = value if found.undated == 0 else found.example
            found.undated += 1
        day = own or day
        texts[day].append(text)
        found.first.setdefault(day, number)
    for each, lines in texts.items():
        _append(found, each, folder, head, _encoded("".join(lines), source))
        found.rows[each] += len(lines)
    return day


def _append(found: Cut, day: date, folder: Path, head: bytes, content: bytes) -> None:
    new = day not in found.parts
    part = found.parts.setdefault(day, folder / day.isoformat())
    with part.open("ab") as out:
        out.write(head + content if new else content)


def _encoded(text: str, source: Source) -> bytes:
    return text.encode(source.encoding, errors="surrogateescape")
