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
    undated: list[Record] = []
    with open_unpacked(file) as stream, text_stream(stream, source) as text:
        header, record_stream = read_records(text, file.name, source, landing.split_by)
        writer = _PartWriter(source, day_parser(landing), folder, header)
        result = writer.result
        while chunk := list(islice(record_stream, CHUNK_RECORDS)):
            undated = [] if writer.write(undated + chunk) else undated + chunk
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


@dataclass
class _PartWriter:
    """Appends records to the parts of their days. last_day: of the last record, None before the first date."""

    source: SourceFormat
    parse_day: DayParser
    folder: Path
    header: str
    result: SplitResult = field(default_factory=SplitResult)
    last_day: date | None = None

    def write(self, records: list[Record]) -> bool:
        """Append the records, those without a date to the day before. False, unwritten, if no date was read yet."""
        days = [self.parse_day(value) for _, value in records]
        day = self.last_day or next((record_day for record_day in days if record_day is not None), None)
        if day is None:
            return False
        texts: dict[date, list[str]] = defaultdict(list)
        first_number = sum(self.result.row_counts.values()) + 1
        for number, (record_day, (text, value)) in enumerate(zip(days, records, strict=True), start=first_number):
            if record_day is None:
                self._count_undated(value)
            day = record_day or day
            texts[day].append(text)
            self.result.first_records.setdefault(day, number)
        for part_day, part_texts in texts.items():
            self._append(part_day, part_texts)
        self.last_day = day
        return True

    def _count_undated(self, value: object) -> None:
        if self.result.undated_rows == 0:
            self.result.undated_example = value
        self.result.undated_rows += 1

    def _append(self, day: date, texts: list[str]) -> None:
        is_new = day not in self.result.parts
        part = self.result.parts.setdefault(day, self.folder / day.isoformat())
        with part.open("ab") as out:
            out.write(self._encode("".join([self.header, *texts] if is_new else texts)))
        self.result.row_counts[day] += len(texts)

    def _encode(self, text: str) -> bytes:
        return text.encode(self.source.encoding, errors="surrogateescape")
