"""The records of a csv file counted without Spark, and what would make a reader swallow some of them."""

import re
from itertools import islice
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

from freshet.tables.csv_parse import CsvParse
from freshet.tables.mapping import Source
from freshet.tables.mistakes import Mistake, Scan, too_long, unclosed
from freshet.tables.row_shapes import SAMPLE, RowShapes

BLOCK: Final = 4 << 20  # bytes read at once
LONGEST: Final = 32 << 20  # bytes of one record
LF, CR = 10, 13

Places = npt.NDArray[np.int64]


def scan_csv(stream: BinaryIO, source: Source, width: int) -> Scan:
    """Count the records of an unpacked csv with `width` columns, and look at its quotes and line ends.

    As long as every quote stands where RFC 4180 allows one, blocks are counted by their bytes, without parsing; from
    the first other quote on, the rest of the file goes through a parser.
    """
    blocks = CsvBlocks(source, RowShapes(source, width))
    rest = b""
    while not blocks.done and (block := stream.read(BLOCK)):
        rest = blocks.take(rest + block)
    if not blocks.done:
        rest = blocks.finish(rest)
    records, mistake = blocks.records, blocks.mistake
    if blocks.irregular:
        parse = CsvParse(source, blocks.shapes, blocks.end)
        mistake = parse.run(rest, stream, blocks.lines + 1)
        records += parse.records
    header = 0 if source.columns or not records else 1
    return Scan(records - header, mistake or swallowed_rows(blocks.shapes))


def swallowed_rows(shapes: RowShapes) -> Mistake | None:
    """What is wrong with the first record that holds rows."""
    suspect = shapes.swallowed()
    if suspect is None:
        return None
    return unclosed(suspect.line, f"takes in what look like rows of their own, up to line {suspect.last:,}")


class CsvBlocks:
    """Blocks of a csv file counted by their bytes. `irregular`: the rest has to be parsed."""

    def __init__(self, source: Source, shapes: RowShapes) -> None:
        self.source, self.shapes = source, shapes
        self.records, self.lines = 0, 0  # so far; the header counts as a record
        self.end = b""  # what ends the lines of this file
        self.mistake: Mistake | None = None
        self.irregular = not (source.quote.isascii() and source.delimiter.isascii())

    @property
    def done(self) -> bool:
        """Whether there is nothing to count any more, or no way to."""
        return self.irregular or self.mistake is not None

    def take(self, data: bytes) -> bytes:
        """Count the records that end in `data`, which begins with a record; returns what is left of it."""
        self.end = self.end or _line_end(data, self.source.quote.encode())
        if not self.end:
            return self._unfinished(data)
        bytes_ = np.frombuffer(data, np.uint8)
        quotes = np.flatnonzero(bytes_ == ord(self.source.quote))
        if not self._is_regular(bytes_, quotes):
            self.irregular = True
            return data
        breaks = np.flatnonzero(bytes_ == self.end[-1])
        outside = (np.searchsorted(quotes, breaks) & 1) == 0
        ends = breaks[outside]
        if not len(ends):
            return self._unfinished(data)
        stop = int(ends[-1]) + 1
        if self._has_other_ends(bytes_[:stop], quotes, ends):
            self.irregular = True  # the parser says in which line
            return data
        self._count(data, ends, breaks[breaks < stop])
        return data[stop:]

    def finish(self, rest: bytes) -> bytes:
        """The last record, where no line end follows it; returns what has to be parsed."""
        if not rest:
            return b""
        self.end = self.end or b"\n"
        left = self.take(rest if rest.endswith(self.end) else rest + self.end)
        if left and not self.irregular:
            self.mistake = unclosed(self.lines + 1, "never closes")
        return left

    def _unfinished(self, data: bytes) -> bytes:
        if len(data) > LONGEST:
            self.mistake = too_long(self.lines + 1, LONGEST)
        return data

    def _is_regular(self, bytes_: npt.NDArray[np.uint8], quotes: Places) -> bool:
        """Whether quotes stand at the borders of fields only, or doubled: then every second one opens."""
        borders = [ord(self.source.quote), ord(self.source.delimiter), LF, CR]
        around = np.concatenate(([LF], bytes_, [LF]))  # around[n + 1] is byte n
        before, after = around[quotes[0::2]], around[quotes[1::2] + 2]
        return bool(np.isin(before, borders).all() and np.isin(after, borders).all())

    def _has_other_ends(self, bytes_: npt.NDArray[np.uint8], quotes: Places, ends: Places) -> bool:
        """Whether a line ends otherwise than the first one; what stands inside quotes is text."""
        others = np.flatnonzero(bytes_ == (LF if self.end == b"\r" else CR))
        others = others[(np.searchsorted(quotes, others) & 1) == 0]
        if self.end == b"\r\n":
            return not np.array_equal(others, ends - 1)
        return len(others) > 0

    def _count(self, data: bytes, ends: Places, breaks: Places) -> None:
        starts = np.concatenate(([0], ends[:-1] + 1))
        several = np.unique(np.searchsorted(ends, np.setdiff1d(breaks, ends, assume_unique=True)))
        for place in several.tolist():
            record = self._lines(data[starts[place] : ends[place] + 1])
            self.shapes.watch(record, self.lines + 1 + int(np.searchsorted(breaks, starts[place])))
        if len(self.shapes.rows) < SAMPLE:
            single = np.setdiff1d(np.arange(len(ends)), several, assume_unique=True)
            for place in islice(single.tolist(), 0 if self.records or self.source.columns else 1, SAMPLE):
                self.shapes.learn(self._lines(data[starts[place] : ends[place] + 1])[0])
        self.records += int((ends - starts >= len(self.end)).sum())  # a blank line is no record
        self.lines += len(breaks)

    def _lines(self, record: bytes) -> list[str]:
        text = record.decode(self.source.encoding, "surrogateescape")
        return [line for line in re.split(f"(?<={self.end[-1:].decode()})", text) if line]


def _line_end(data: bytes, quote: bytes) -> bytes:
    """What ends the first line, quoted line breaks left out; nothing while that is not known yet."""
    for found in re.finditer(rb"\r\n|\n|\r", data):
        if data.count(quote, 0, found.start()) % 2 == 0:
            return b"" if found.group() == b"\r" and found.end() == len(data) else found.group()
    return b""
