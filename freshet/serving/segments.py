"""What waits becomes files in the landing, each line in exactly one, whatever is killed in between.

A segment is written down first (its name and which lines), then its file is put if absent, then its lines stop
waiting. After a crash the same segment is put again: the same name and the same bytes.
"""

import sqlite3
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from freshet.errors import LakeError
from freshet.serving.clock import day_name
from freshet.serving.writer import Writer
from freshet.store import Store

Kind = Literal["events", "impressions"]
KINDS: Final[tuple[Kind, ...]] = ("events", "impressions")
LINES: Final = 50_000  # of one file
BYTES: Final = 32 << 20  # of one file, before its last line: it is held in memory once
BOUNDS: Final = """
SELECT min(seq), max(seq) FROM (
    SELECT seq, sum(length(line)) OVER (ORDER BY seq) - length(line) AS before
    FROM (SELECT seq, line FROM waiting WHERE kind = ? AND day = ? AND seq <= ? ORDER BY seq LIMIT ?)
) WHERE before < ?
"""


@dataclass(frozen=True)
class Segment:
    """Lines of one kind and day, by their numbers; `number` is its own."""

    number: int
    kind: Kind
    day: int
    first: int
    last: int

    def path(self, gateway: str) -> str:
        """Where it lands."""
        folder = f"landing/{self.kind}/dt={day_name(self.day)}"
        return f"{folder}/{'gateway/' if self.kind == 'events' else ''}{gateway}-{self.number:08d}.jsonl"


def land(writer: Writer, reader: sqlite3.Connection, store: Store, gateway: str) -> int:
    """Land everything that waits now; returns how many files.

    Raises LakeError when the lake cannot be written, RequestError when the ledger cannot: nothing is lost, call again.
    """
    landed = 0
    for kind in KINDS:
        end = reader.execute("SELECT coalesce(max(seq), 0) FROM waiting WHERE kind = ?", (kind,)).fetchone()[0]
        while segment := _pending(reader, kind) or writer.submit(partial(cut, kind=kind, end=end)).result():
            _put(store, segment.path(gateway), content(reader, segment))
            writer.submit(partial(done, segment=segment)).result()
            landed += 1
    return landed


def cut(connection: sqlite3.Connection, kind: Kind, end: int) -> Segment | None:
    """Write down the next segment: lines up to `end` of the earliest day that waits, not too many."""
    day = connection.execute("SELECT min(day) FROM waiting WHERE kind = ? AND seq <= ?", (kind, end)).fetchone()[0]
    if day is None:
        return None
    first, last = connection.execute(BOUNDS, (kind, day, end, LINES, BYTES)).fetchone()
    add = "INSERT INTO segments(kind, day, first, last) VALUES (?, ?, ?, ?)"
    number = connection.execute(add, (kind, day, first, last)).lastrowid
    return Segment(number or 0, kind, day, first, last)


def done(connection: sqlite3.Connection, segment: Segment) -> None:
    """It has landed: its lines wait no longer."""
    within = (segment.kind, segment.day, segment.first, segment.last)
    connection.execute("DELETE FROM waiting WHERE kind = ? AND day = ? AND seq BETWEEN ? AND ?", within)
    connection.execute("DELETE FROM segments WHERE number = ?", (segment.number,))


def content(connection: sqlite3.Connection, segment: Segment) -> bytes:
    """Its lines, in order: the same bytes every time until it is done."""
    of = "SELECT line FROM waiting WHERE kind = ? AND day = ? AND seq BETWEEN ? AND ? ORDER BY seq"
    rows = connection.execute(of, (segment.kind, segment.day, segment.first, segment.last))
    return b"".join(row[0] for row in rows)


def waiting(connection: sqlite3.Connection) -> tuple[int, int | None]:
    """(about how many lines wait, the day of the oldest)."""
    first, last = connection.execute("SELECT min(seq), max(seq) FROM waiting").fetchone()
    if first is None:
        return 0, None
    return last - first + 1, int(connection.execute("SELECT day FROM waiting WHERE seq = ?", (first,)).fetchone()[0])


def _pending(connection: sqlite3.Connection, kind: Kind) -> Segment | None:
    """The segment that was written down and has not been marked as landed."""
    select = "SELECT number, kind, day, first, last FROM segments WHERE kind = ? ORDER BY number LIMIT 1"
    row = connection.execute(select, (kind,)).fetchone()
    return Segment(*row) if row else None


def _put(store: Store, path: str, lines: bytes) -> None:
    """Raises LakeError when other content stands there: then the state folder was brought back from a copy."""
    if store.put_if_absent(path, lines):
        return
    if store.get(path) == lines:
        store.sync(path)  # whoever put it may have been killed before it was on disk
        return
    fix = "set this state folder aside and start the gateway anew; land by hand what was new in it (docs/gateway.md)"
    raise LakeError(store.where(path), "holds other events than this gateway was about to land there", fix)
