"""The records of a csv file with quotes inside its fields, counted one by one."""

import csv
from collections.abc import Iterator
from typing import BinaryIO, Final

from freshet.tables.mapping import Source
from freshet.tables.mistakes import Mistake, mixed_ends, too_long, unclosed
from freshet.tables.row_shapes import RowShapes

BLOCK: Final = 1 << 20  # bytes read at once
LONGEST: Final = 32 << 20  # characters of one field


class CsvParse:
    """`records`: how many were met so far."""

    def __init__(self, source: Source, shapes: RowShapes, end: bytes) -> None:
        self.source, self.shapes, self.end = source, shapes, (end or b"\n").decode()
        self.records = 0

    def run(self, begin: bytes, stream: BinaryIO, line: int) -> Mistake | None:
        """Read `begin`, then the stream to its end; `line`: the number of the first line. The first mistake."""
        csv.field_size_limit(LONGEST)
        taken: list[str] = []
        lines = _noted(split_lines(begin, stream, self.end.encode()), self.source.encoding, taken)
        rows = csv.reader(lines, delimiter=self.source.delimiter, quotechar=self.source.quote)
        record: list[str] = []
        try:
            for row in rows:
                record, taken[:] = list(taken), []
                if mistake := self._take(row, record, line):
                    return mistake
                line += len(record)
        except csv.Error as error:
            return too_long(line, LONGEST) if "limit" in str(error) else mixed_ends(line, self.end)
        return unclosed(line - len(record), "never closes") if record and still_open(record, self.source) else None

    def _take(self, row: list[str], record: list[str], line: int) -> Mistake | None:
        if not _ends_as(record[-1], self.end) and not still_open(record, self.source):
            return mixed_ends(line + len(record) - 1, self.end)
        if len(record) > 1:
            self.shapes.watch(record, line)
        elif row and (self.records or self.source.columns):
            self.shapes.learn(record[0])
        self.records += bool(row)
        return None


def still_open(record: list[str], source: Source) -> bool:
    """Whether the lines of a record end inside quotes: then one line more belongs to it, too.

    A lone quote inside a field (5" nails) does not open one.
    """
    lines = [*record[:-1], record[-1].rstrip("\r\n") + "\n", "x\n"]
    return len(list(csv.reader(lines, delimiter=source.delimiter, quotechar=source.quote))) == 1


def split_lines(begin: bytes, stream: BinaryIO, end: bytes) -> Iterator[bytes]:
    """`begin` and then the stream, line by line, each with its end; the last one may lack it."""
    rest, mark = begin, end[-1:]
    while True:
        *lines, rest = rest.split(mark)
        for line in lines:
            yield line + mark
        block = stream.read(BLOCK)
        if not block:
            break
        rest += block
    if rest:
        yield rest


def _noted(lines: Iterator[bytes], encoding: str, taken: list[str]) -> Iterator[str]:
    """Decode the lines and note them, so that a record's own lines are known once it is complete."""
    for line in lines:
        text = line.decode(encoding, "surrogateescape")
        taken.append(text)
        yield text


def _ends_as(line: str, end: str) -> bool:
    """The last line of a file may lack its end."""
    return not line.removesuffix(end).endswith(("\r", "\n"))
