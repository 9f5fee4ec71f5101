"""Count csv records with Python's csv reader, for files whose quotes do not follow RFC 4180."""

import csv
from collections.abc import Iterator
from typing import BinaryIO, Final

from freshet.ingest.files.file_issues import FileIssue, mixed_line_ends, record_too_long, unclosed_quote
from freshet.ingest.files.row_shapes import RowShapes
from freshet.ingest.mapping.source_mapping import SourceFormat

BLOCK_BYTES: Final = 1 << 20  # read at once
MAX_FIELD_CHARS: Final = 32 << 20  # in one field


class CsvParser:
    """Counts records. records: those read so far."""

    def __init__(self, source: SourceFormat, shapes: RowShapes, line_end: bytes) -> None:
        self.source, self.shapes, self.line_end = source, shapes, (line_end or b"\n").decode()
        self.records = 0

    def parse(self, head: bytes, stream: BinaryIO, line_number: int) -> FileIssue | None:
        """Read `head`, then the stream to its end; return the first issue. line_number: of the first line."""
        csv.field_size_limit(MAX_FIELD_CHARS)
        record_lines: list[str] = []
        lines = _decode_lines(split_lines(head, stream, self.line_end.encode()), self.source.encoding, record_lines)
        rows = csv.reader(lines, delimiter=self.source.delimiter, quotechar=self.source.quote)
        record: list[str] = []
        try:
            for row in rows:
                record, record_lines[:] = list(record_lines), []
                if issue := self._check_record(row, record, line_number):
                    return issue
                line_number += len(record)
        except csv.Error as error:
            return (
                record_too_long(line_number, MAX_FIELD_CHARS)
                if "limit" in str(error)
                else mixed_line_ends(line_number, self.line_end)
            )
        return (
            unclosed_quote(line_number - len(record), "never closes")
            if record and is_unclosed(record, self.source)
            else None
        )

    def _check_record(self, row: list[str], record: list[str], line_number: int) -> FileIssue | None:
        if not _has_line_end(record[-1], self.line_end) and not is_unclosed(record, self.source):
            return mixed_line_ends(line_number + len(record) - 1, self.line_end)
        if len(record) > 1:
            self.shapes.add_record(record, line_number)
        elif row and (self.records or self.source.columns):
            self.shapes.add_row(record[0])
        self.records += bool(row)
        return None


def is_unclosed(record: list[str], source: SourceFormat) -> bool:
    """Return whether a record ends inside quotes, so that the next line belongs to it, too.

    A lone quote inside a field (5" nails) opens nothing.
    """
    lines = [*record[:-1], record[-1].rstrip("\r\n") + "\n", "x\n"]
    return len(list(csv.reader(lines, delimiter=source.delimiter, quotechar=source.quote))) == 1


def split_lines(head: bytes, stream: BinaryIO, line_end: bytes) -> Iterator[bytes]:
    """Yield `head` and then the stream line by line, each with its line end; the last one may lack it."""
    rest, last_byte = head, line_end[-1:]
    while True:
        *lines, rest = rest.split(last_byte)
        for line in lines:
            yield line + last_byte
        block = stream.read(BLOCK_BYTES)
        if not block:
            break
        rest += block
    if rest:
        yield rest


def _decode_lines(lines: Iterator[bytes], encoding: str, record_lines: list[str]) -> Iterator[str]:
    """Decode the lines, and append each to `record_lines`: the lines of a record once the csv reader yields it."""
    for line in lines:
        text = line.decode(encoding, "surrogateescape")
        record_lines.append(text)
        yield text


def _has_line_end(line: str, line_end: str) -> bool:
    """Whether the line ends as it should; the last line of a file may lack its end."""
    return not line.removesuffix(line_end).endswith(("\r", "\n"))
