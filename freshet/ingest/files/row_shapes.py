"""Find records whose lines are rows that an unclosed quote has swallowed.

A legal field may hold any text, line breaks included. But a row has its date, its ids and its numbers once: if two
lines of one record each look like a whole row, the record has swallowed rows.
"""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from freshet.ingest.mapping.source_mapping import SourceFormat

MAX_LEARNED_ROWS: Final = 300  # rows whose shapes are learned
MIN_LEARNED_ROWS: Final = 3  # with fewer, the suspect's own lines are learned, too
MAX_SUSPECTS: Final = 200  # records kept until the end of the file
MAX_RECORD_LINES: Final = 50  # lines of a record that are compared
MAX_TRIED_QUOTES: Final = 20  # quotes of a line that are removed on trial
MIN_DIGITS: Final = 4  # digits of a value that distinguish a row from prose
MIN_COLUMN_MATCH: Final = 0.6  # share of the regular columns that a row must fit: the one with the open quote does not

Shape = tuple[str, ...]  # one per field: `2024-03-01 9:30` is `9999-99-99 9:99`, a run of letters is one `a`


@dataclass(frozen=True)
class SuspectRecord:
    """A record of several lines, two of which have as many fields as a row. malformed: its quotes break RFC 4180."""

    first_line: int
    last_line: int
    shapes: tuple[Shape, ...]
    malformed: bool


@dataclass
class RowShapes:
    """The shapes of a file's rows, and the records that may have swallowed some."""

    source: SourceFormat
    n_columns: int
    rows: list[Shape] = field(default_factory=list)
    suspects: list[SuspectRecord] = field(default_factory=list)

    def add_row(self, line: str) -> None:
        """Learn the shape of a line that is a whole record."""
        if len(self.rows) < MAX_LEARNED_ROWS and (shape := self._line_shape(line)) is not None:
            self.rows.append(shape)

    def add_record(self, lines: Sequence[str], first_line: int) -> None:
        """Add a record of several lines. first_line: the number of its first line in the file."""
        if len(self.suspects) >= MAX_SUSPECTS:
            return
        shapes = [shape for line in lines[:MAX_RECORD_LINES] if (shape := self._line_shape(line)) is not None]
        if len(shapes) > 1:
            self.suspects.append(
                SuspectRecord(first_line, first_line + len(lines) - 1, tuple(shapes), self._is_malformed(lines))
            )

    def first_swallowing_record(self) -> SuspectRecord | None:
        """Return the first record that holds rows; None if there is none."""
        return next((suspect for suspect in self.suspects if self._holds_rows(suspect)), None)

    def _holds_rows(self, suspect: SuspectRecord) -> bool:
        if suspect.malformed:
            return True
        row_shapes = self.rows if len(self.rows) >= MIN_LEARNED_ROWS else [*self.rows, *suspect.shapes]
        regular = _regular_columns(row_shapes, self.n_columns)
        return sum(_fits(shape, regular) for shape in suspect.shapes) > 1

    def _line_shape(self, line: str) -> Shape | None:
        """None if the line does not have the number of fields of a row."""
        text_line = re.sub(r"[\r\n]", " ", line.rstrip("\r\n"))
        quote, fields = self.source.quote, self._fields(text_line)
        quote_positions = [position for position, char in enumerate(text_line) if char == quote][:MAX_TRIED_QUOTES]
        repairs = (self._fields(text_line[:index] + text_line[index + 1 :]) for index in quote_positions)
        fields = fields or text_line.split(self.source.delimiter)
        if len(fields) != self.n_columns:  # try it without one of its quotes, which may be the unclosed one
            fields = next((repaired for repaired in repairs if len(repaired) == self.n_columns), [])
        return tuple(_shape_of(text.strip(quote)) for text in fields) if len(fields) > 1 else None

    def _fields(self, line: str) -> list[str]:
        """The fields of one line read by itself; none unless it has as many as a row."""
        rows = csv.reader([line], delimiter=self.source.delimiter, quotechar=self.source.quote)
        fields = next(rows, [])
        return fields if len(fields) == self.n_columns else []

    def _is_malformed(self, lines: Sequence[str]) -> bool:
        """Whether text stands between a closing quote and the next delimiter."""
        rows = csv.reader(lines, delimiter=self.source.delimiter, quotechar=self.source.quote, strict=True)
        try:
            return len(list(rows)) != 1
        except csv.Error:
            return True


def _shape_of(text: str) -> str:
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d", "9", text[:200].strip()))


def _regular_columns(rows: Sequence[Shape], n_columns: int) -> dict[int, frozenset[str]]:
    """Columns whose values have few shapes, e.g. times and ids: column index → its shapes."""
    regular = {}
    for index in range(n_columns):
        shapes = Counter(row[index] for row in rows)
        if len(shapes) <= 1 + len(rows) // 20:
            regular[index] = frozenset(shapes)
    return regular


def _fits(shape: Shape, regular: dict[int, frozenset[str]]) -> bool:
    matching_columns = [index for index, shapes in regular.items() if shape[index] in shapes]
    has_digits = any(shape[index].count("9") >= MIN_DIGITS for index in matching_columns)
    return has_digits and len(matching_columns) >= MIN_COLUMN_MATCH * len(regular)
