"""Split a file of many days into one file per landing day; records stay verbatim and in their order."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from pathlib import Path
from typing import TextIO

from freshet.errors import LandingError
from freshet.ingest.files.data_file import DataFile, open_unpacked, text_stream
from freshet.ingest.files.record_reader import DayParser, Record, csv_records, day_parser, json_records
from freshet.ingest.mapping.source_mapping import LandingSplit, SourceFormat

CHUNK_RECORDS = 50_000  # records held in memory at once

ProgressCallback = Callable[[str], None]


@dataclass
class SplitResult:
    """The parts of a split file. parts: day → file in the working folder, not compressed; row_counts: day → records.

    first_records: day → its first record in the file, from 1. undated_rows: records whose date could not be read; they
    go with the record before them. undated_example: the first one's value.
    """

    parts: dict[date, Path] = field(default_factory=dict)
    row_counts: dict[date, int] = field(default_factory=lambda: defaultdict(int))
    first_records: dict[date, int] = field(default_factory=dict)
    undated_rows: int = 0
    undated_example: object = None


def split_by_day(
    file: DataFile, source: SourceFormat, landing: LandingSplit, folder: Path, progress: ProgressCallback
) -> SplitResult:
    """Split `file` into parts in `folder`.

    Raises LandingError for a missing column, a quote that never closes, or if no date can be read at all.
    """
    result, parse_day, day = SplitResult(), day_parser(landing), None
    undated: list[Record] = []
    with open_unpacked(file) as stream, text_stream(stream, source) as text:
        header, record_stream = read_records(text, file.name, source, landing.split_by)
        while chunk := list(islice(record_stream, CHUNK_RECORDS)):
            day = _split_chunk(undated + chunk, day, parse_day, result, folder, _encode(header, source), source)
            undated = undated + chunk if day is None else []
            progress(f"{file.name}: {sum(result.row_counts.values()):,} rows, {len(result.parts)} days")
    if undated:
        raise LandingError(
            file.name,
            f"no date can be read: {undated[0][1]!r} in `{landing.split_by}` is not written as {landing.date_format}",
            "correct `landing.date_format` in the mapping, or land the file under one day with --date",
        )
    return result


def read_records(text: TextIO, name: str, source: SourceFormat, split_by: str | None) -> tuple[str, Iterator[Record]]:
    """Return (the header line, every record) of an open text file."""
    if source.format == "json":
        return "", json_records(text, split_by)
    return csv_records(text, name, source, split_by)


def _split_chunk(
    records: list[Record],
    day: date | None,
    parse_day: DayParser,
    result: SplitResult,
    folder: Path,
    header: bytes,
    source: SourceFormat,
) -> date | None:
    """Append the records to the parts of their days; return the day of the last one, None before the first date."""
    days = [parse_day(value) for _, value in records]
    day = day or next((d for d in days if d is not None), None)
    if day is None:
        return None
    texts: dict[date, list[str]] = defaultdict(list)
    first_number = sum(result.row_counts.values()) + 1
    for number, (record_day, (text, value)) in enumerate(zip(days, records, strict=True), start=first_number):
        if record_day is None:
            result.undated_example = value if result.undated_rows == 0 else result.undated_example
            result.undated_rows += 1
        day = record_day or day
        texts[day].append(text)
        result.first_records.setdefault(day, number)
    for part_day, lines in texts.items():
        _append_part(result, part_day, folder, header, _encode("".join(lines), source))
        result.row_counts[part_day] += len(lines)
    return day


def _append_part(result: SplitResult, day: date, folder: Path, header: bytes, content: bytes) -> None:
    is_new = day not in result.parts
    part = result.parts.setdefault(day, folder / day.isoformat())
    with part.open("ab") as out:
        out.write(header + content if is_new else content)


def _encode(text: str, source: SourceFormat) -> bytes:
    return text.encode(source.encoding, errors="surrogateescape")
