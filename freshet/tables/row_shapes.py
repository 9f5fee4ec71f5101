"""Whether lines inside a quoted field are rows that an unclosed quote has swallowed.

A legal field may hold any text, line breaks included. But a row has its date, its ids and its numbers once: a record
of which two lines each look like a whole row by themselves has swallowed rows.
"""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from freshet.tables.mapping import Source

SAMPLE: Final = 300  # rows whose shapes are learned
FEW: Final = 3  # rows that are too few to learn from
SUSPECTS: Final = 200  # records remembered until the end of the file
LINES: Final = 50  # lines of a record that are looked at
QUOTES: Final = 20  # of a line that are tried out
DIGITS: Final = 4  # of a value that tells a row from prose
MATCH: Final = 0.6  # of the regular columns that a line must fit: the one with the open quote does not

Shape = tuple[str, ...]  # one per field: `2024-03-01 9:30` is `9999-99-99 9:99`, letters in a row are one `a`


@dataclass(frozen=True)
class Suspect:
    """A record over several lines, two of which have as many fields as a row. malformed: its quotes break RFC 4180."""

    line: int
    last: int
    shapes: tuple[Shape, ...]
    malformed: bool


@dataclass
class RowShapes:
    """What the rows of a file look like, and the records that may have swallowed some."""

    source: Source
    width: int
    rows: list[Shape] = field(default_factory=list)
    suspects: list[Suspect] = field(default_factory=list)

    def learn(self, line: str) -> None:
        """One line that is a record of its own."""
        if len(self.rows) < SAMPLE and (shape := self._shape(line)) is not None:
            self.rows.append(shape)

    def watch(self, lines: Sequence[str], first: int) -> None:
        """A record over several lines, the first of which has the number `first` in the file."""
        if len(self.suspects) >= SUSPECTS:
            return
        shapes = [shape for line in lines[:LINES] if (shape := self._shape(line)) is not None]
        if len(shapes) > 1:
            self.suspects.append(Suspect(first, first + len(lines) - 1, tuple(shapes), self._malformed(lines)))

    def swallowed(self) -> Suspect | None:
        """The first record that holds rows."""
        return next((suspect for suspect in self.suspects if self._holds_rows(suspect)), None)

    def _holds_rows(self, suspect: Suspect) -> bool:
        if suspect.malformed:
            return True
        known = self.rows if len(self.rows) >= FEW else [*self.rows, *suspect.shapes]
        regular = _regular_columns(known, self.width)
        return sum(_fits(shape, regular) for shape in suspect.shapes) > 1

    def _shape(self, line: str) -> Shape | None:
        """None where the line has not the number of fields of a row."""
        bare = re.sub(r"[\r\n]", " ", line.rstrip("\r\n"))
        quote, fields = self.source.quote, self._fields(bare)
        quotes = [place for place, char in enumerate(bare) if char == quote][:QUOTES]
        repairs = (self._fields(bare[:place] + bare[place + 1 :]) for place in quotes)
        fields = fields or bare.split(self.source.delimiter)
        if len(fields) != self.width:  # as it would be without a quote that does not belong there
            fields = next((other for other in repairs if len(other) == self.width), [])
        return tuple(_shape_of(text.strip(quote)) for text in fields) if len(fields) > 1 else None

    def _fields(self, line: str) -> list[str]:
        """The fields of one line read by itself; none where it has not as many as a row."""
        rows = csv.reader([line], delimiter=self.source.delimiter, quotechar=self.source.quote)
        fields = next(rows, [])
        return fields if len(fields) == self.width else []

    def _malformed(self, lines: Sequence[str]) -> bool:
        """Whether something stands between a closing quote and the next delimiter."""
        rows = csv.reader(lines, delimiter=self.source.delimiter, quotechar=self.source.quote, strict=True)
        try:
            return len(list(rows)) != 1
        except csv.Error:
            return True


def _shape_of(text: str) -> str:
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d", "9", text[:200].strip()))


def _regular_columns(rows: Sequence[Shape], width: int) -> dict[int, frozenset[str]]:
    """Columns whose values have few shapes, e.g. times and ids: place → its shapes."""
    regular = {}
    for place in range(width):
        shapes = Counter(row[place] for row in rows)
        if len(shapes) <= 1 + len(rows) // 20:
            regular[place] = frozenset(shapes)
    return regular


def _fits(shape: Shape, regular: dict[int, frozenset[str]]) -> bool:
    same = [place for place, shapes in regular.items() if shape[place] in shapes]
    telling = any(shape[place].count("9") >= DIGITS for place in same)
    return telling and len(same) >= MATCH * len(regular)
