"""Count the records of a csv file without Spark, and find quotes and line ends that would make Spark lose some."""

import re
from itertools import islice
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

from freshet.ingest.files.csv_parser import CsvParser
from freshet.ingest.files.file_issues import FileIssue, FileScan, record_too_long, unclosed_quote
from freshet.ingest.files.row_shapes import MAX_LEARNED_ROWS, RowShapes
from freshet.ingest.mapping.source_mapping import SourceFormat

BLOCK_BYTES: Final = 4 << 20  # read at once
MAX_RECORD_BYTES: Final = 32 << 20  # in one record
LF, CR = 10, 13

ByteOffsets = npt.NDArray[np.int64]


def scan_csv(stream: BinaryIO, source: SourceFormat, n_columns: int) -> FileScan:
    """Count the records of an unpacked csv file with `n_columns` columns, and check its quotes and line ends.

    As long as every quote stands where RFC 4180 allows one, blocks are counted by their bytes, without parsing; from
    the first other quote on, `CsvParser` reads the rest of the file.
    """
    scanner = CsvBlockScanner(source, RowShapes(source, n_columns))
    rest = b""
    while not scanner.is_done and (block := stream.read(BLOCK_BYTES)):
        rest = scanner.scan_block(rest + block)
    if not scanner.is_done:
        rest = scanner.finish(rest)
    records, issue = scanner.records, scanner.issue
    if scanner.irregular:
        parser = CsvParser(source, scanner.shapes, scanner.line_end)
        issue = parser.parse(rest, stream, scanner.lines + 1)
        records += parser.records
    n_headers = 0 if source.columns or not records else 1
    return FileScan(records - n_headers, issue or swallowed_rows_issue(scanner.shapes))


def swallowed_rows_issue(shapes: RowShapes) -> FileIssue | None:
    """Return the issue of the first record whose quoted field holds whole rows; None if there is none."""
    suspect = shapes.first_swallowing_record()
    if suspect is None:
        return None
    return unclosed_quote(
        suspect.first_line, f"takes in what look like rows of their own, up to line {suspect.last_line:,}"
    )


class CsvBlockScanner:
    """Counts the records of blocks by their bytes. irregular: the rest of the file has to be parsed."""

    def __init__(self, source: SourceFormat, shapes: RowShapes) -> None:
        self.source, self.shapes = source, shapes
        self.records, self.lines = 0, 0  # so far; the header counts as a record
        self.line_end = b""  # of this file: LF, CR LF or CR; empty until its first line has ended
        self.issue: FileIssue | None = None
        self.irregular = not (source.quote.isascii() and source.delimiter.isascii())

    @property
    def is_done(self) -> bool:
        """Whether counting by bytes is over: the rest is irregular, or an issue was found."""
        return self.irregular or self.issue is not None

    def scan_block(self, data: bytes) -> bytes:
        """Count the records that end in `data`, which begins with a record; return the bytes behind them."""
        self.line_end = self.line_end or _line_end(data, self.source.quote.encode())
        if not self.line_end:
            return self._keep_remainder(data)
        bytes_ = np.frombuffer(data, np.uint8)
        quotes = np.flatnonzero(bytes_ == ord(self.source.quote))
        if not self._is_regular(bytes_, quotes):
            self.irregular = True
            return data
        line_breaks = np.flatnonzero(bytes_ == self.line_end[-1])
        is_unquoted = (np.searchsorted(quotes, line_breaks) & 1) == 0
        record_ends = line_breaks[is_unquoted]
        if not len(record_ends):
            return self._keep_remainder(data)
        stop = int(record_ends[-1]) + 1
        if self._has_mixed_line_ends(bytes_[:stop], quotes, record_ends):
            self.irregular = True  # the parser finds the line
            return data
        self._count_records(data, record_ends, line_breaks[line_breaks < stop])
        return data[stop:]

    def finish(self, rest: bytes) -> bytes:
        """Count a last record that lacks its line end; return the bytes that have to be parsed."""
        if not rest:
            return b""
        self.line_end = self.line_end or b"\n"
        remainder = self.scan_block(rest if rest.endswith(self.line_end) else rest + self.line_end)
        if remainder and not self.irregular:
            self.issue = unclosed_quote(self.lines + 1, "never closes")
        return remainder

    def _keep_remainder(self, data: bytes) -> bytes:
        if len(data) > MAX_RECORD_BYTES:
            self.issue = record_too_long(self.lines + 1, MAX_RECORD_BYTES)
        return data

    def _is_regular(self, bytes_: npt.NDArray[np.uint8], quotes: ByteOffsets) -> bool:
        """Whether quotes stand only at the borders of fields, or doubled: then every second one opens a field."""
        borders = [ord(self.source.quote), ord(self.source.delimiter), LF, CR]
        padded = np.concatenate(([LF], bytes_, [LF]))  # padded[n + 1] is byte n
        before_opening, after_closing = padded[quotes[0::2]], padded[quotes[1::2] + 2]
        return bool(np.isin(before_opening, borders).all() and np.isin(after_closing, borders).all())

    def _has_mixed_line_ends(
        self, bytes_: npt.NDArray[np.uint8], quotes: ByteOffsets, record_ends: ByteOffsets
    ) -> bool:
        """Whether a line outside quotes has another end than the first line."""
        other_breaks = np.flatnonzero(bytes_ == (LF if self.line_end == b"\r" else CR))
        other_breaks = other_breaks[(np.searchsorted(quotes, other_breaks) & 1) == 0]
        if self.line_end == b"\r\n":
            return not np.array_equal(other_breaks, record_ends - 1)
        return len(other_breaks) > 0

    def _count_records(self, data: bytes, record_ends: ByteOffsets, line_breaks: ByteOffsets) -> None:
        record_starts = np.concatenate(([0], record_ends[:-1] + 1))
        multiline_records = np.unique(
            np.searchsorted(record_ends, np.setdiff1d(line_breaks, record_ends, assume_unique=True))
        )
        for index in multiline_records.tolist():
            record = self._split_record(data[record_starts[index] : record_ends[index] + 1])
            self.shapes.add_record(record, self.lines + 1 + int(np.searchsorted(line_breaks, record_starts[index])))
        if len(self.shapes.rows) < MAX_LEARNED_ROWS:
            single_line_records = np.setdiff1d(np.arange(len(record_ends)), multiline_records, assume_unique=True)
            for index in islice(
                single_line_records.tolist(), 0 if self.records or self.source.columns else 1, MAX_LEARNED_ROWS
            ):
                self.shapes.add_row(self._split_record(data[record_starts[index] : record_ends[index] + 1])[0])
        self.records += int((record_ends - record_starts >= len(self.line_end)).sum())  # a blank line is no record
        self.lines += len(line_breaks)

    def _split_record(self, record: bytes) -> list[str]:
        text = record.decode(self.source.encoding, "surrogateescape")
        return [line for line in re.split(f"(?<={self.line_end[-1:].decode()})", text) if line]


def _line_end(data: bytes, quote: bytes) -> bytes:
    """The end of the first line, quoted line breaks left out; empty if `data` does not show it yet."""
    for match in re.finditer(rb"\r\n|\n|\r", data):
        if data.count(quote, 0, match.start()) % 2 == 0:
            return b"" if match.group() == b"\r" and match.end() == len(data) else match.group()
    return b""
