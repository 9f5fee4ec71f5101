"""What waits becomes files in the landing, each line in exactly one, whatever is killed in between.

A segment is written down first (its name and which lines), then its file is put if absent, then its lines stop
waiting. After a crash the same segment is put again: the same name and the same bytes.
"""

import sqlite3
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from freshet.errors import LakeError
from freshet.serving.clock import iso_date
from freshet.serving.events.writer import Writer
from freshet.store import Store

LineKind = Literal["events", "impressions"]
LINE_KINDS: Final[tuple[LineKind, ...]] = ("events", "impressions")
MAX_SEGMENT_LINES: Final = 50_000  # of one file
MAX_SEGMENT_BYTES: Final = 32 << 20  # of one file, before its last line: it is held in memory once
SEGMENT_BOUNDS_SQL: Final = """
SELECT min(seq), max(seq) FROM (
    SELECT seq, sum(length(line)) OVER (ORDER BY seq) - length(line) AS before
    FROM (SELECT seq, line FROM waiting WHERE kind = ? AND day = ? AND seq <= ? ORDER BY seq LIMIT ?)
) WHERE before < ?
"""


@dataclass(frozen=True)
class LandingSegment:
    """Lines of one kind and day, by their numbers; `number` is its own."""

    number: int
    kind: LineKind
    day: int
    first_seq: int
    last_seq: int

    def path(self, gateway_id: str) -> str:
        """Where it lands."""
        folder = f"landing/{self.kind}/dt={iso_date(self.day)}"
        return f"{folder}/{'gateway/' if self.kind == 'events' else ''}{gateway_id}-{self.number:08d}.jsonl"


def flush_segments(writer: Writer, reader: sqlite3.Connection, store: Store, gateway_id: str) -> int:
    """Land everything that waits now; returns how many files.

    Raises LakeError when the lake cannot be written, RequestError when the ledger cannot: nothing is lost, call again.
    """
    n_files = 0
    for kind in LINE_KINDS:
        end = reader.execute("SELECT coalesce(max(seq), 0) FROM waiting WHERE kind = ?", (kind,)).fetchone()[0]
        while (
            segment := _pending_segment(reader, kind)
            or writer.submit(partial(next_segment, kind=kind, end=end)).result()
        ):
            _put_file(store, segment.path(gateway_id), segment_bytes(reader, segment))
            writer.submit(partial(mark_landed, segment=segment)).result()
            n_files += 1
    return n_files


def next_segment(connection: sqlite3.Connection, kind: LineKind, end: int) -> LandingSegment | None:
    """Write down the next segment: lines up to `end` of the earliest day that waits, not too many."""
    day = connection.execute("SELECT min(day) FROM waiting WHERE kind = ? AND seq <= ?", (kind, end)).fetchone()[0]
    if day is None:
        return None
    first, last = connection.execute(
        SEGMENT_BOUNDS_SQL, (kind, day, end, MAX_SEGMENT_LINES, MAX_SEGMENT_BYTES)
    ).fetchone()
    insert = "INSERT INTO segments(kind, day, first, last) VALUES (?, ?, ?, ?)"
    number = connection.execute(insert, (kind, day, first, last)).lastrowid
    return LandingSegment(number or 0, kind, day, first, last)


def mark_landed(connection: sqlite3.Connection, segment: LandingSegment) -> None:
    """It has landed: its lines wait no longer."""
    bounds = (segment.kind, segment.day, segment.first_seq, segment.last_seq)
    connection.execute("DELETE FROM waiting WHERE kind = ? AND day = ? AND seq BETWEEN ? AND ?", bounds)
    connection.execute("DELETE FROM segments WHERE number = ?", (segment.number,))


def segment_bytes(connection: sqlite3.Connection, segment: LandingSegment) -> bytes:
    """Its lines, in order: the same bytes every time until it is done."""
    select = "SELECT line FROM waiting WHERE kind = ? AND day = ? AND seq BETWEEN ? AND ? ORDER BY seq"
    rows = connection.execute(select, (segment.kind, segment.day, segment.first_seq, segment.last_seq))
    return b"".join(row[0] for row in rows)


def count_waiting(connection: sqlite3.Connection) -> tuple[int, int | None]:
    """(about how many lines wait, the day of the oldest)."""
    first, last = connection.execute("SELECT min(seq), max(seq) FROM waiting").fetchone()
    if first is None:
        return 0, None
    return last - first + 1, int(connection.execute("SELECT day FROM waiting WHERE seq = ?", (first,)).fetchone()[0])


def _pending_segment(connection: sqlite3.Connection, kind: LineKind) -> LandingSegment | None:
    """The segment that was written down and has not been marked as landed."""
    select = "SELECT number, kind, day, first, last FROM segments WHERE kind = ? ORDER BY number LIMIT 1"
    row = connection.execute(select, (kind,)).fetchone()
    return LandingSegment(*row) if row else None


def _put_file(store: Store, path: str, lines: bytes) -> None:
    """Raises LakeError when other content stands there: then the state folder was brought back from a copy."""
    if store.put_if_absent(path, lines):
        return
    if store.get(path) == lines:
        store.sync(path)  # whoever put it may have been killed before it was on disk
        return
    fix = "set this state folder aside and start the gateway anew; land by hand what was new in it (docs/gateway.md)"
    raise LakeError(store.full_path(path), "holds other events than this gateway was about to land there", fix)
