"""Landing files: each waiting line lands in exactly one, also if the process is killed in between.

A segment (its number and lines) is committed first, then its file is put if absent, then its lines are deleted. After a
crash the same segment is put again, with the same name and the same bytes.
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
MAX_SEGMENT_BYTES: Final = 32 << 20  # of one file without its last line; the file is held in memory
SEGMENT_BOUNDS_SQL: Final = """
SELECT min(seq), max(seq) FROM (
    SELECT seq, sum(length(line)) OVER (ORDER BY seq) - length(line) AS before
    FROM (SELECT seq, line FROM waiting WHERE kind = ? AND day = ? AND seq <= ? ORDER BY seq LIMIT ?)
) WHERE before < ?
"""


@dataclass(frozen=True)
class LandingSegment:
    """The lines of one landing file: one kind and day, `first_seq` to `last_seq`."""

    number: int
    kind: LineKind
    day: int
    first_seq: int
    last_seq: int

    def path(self, gateway_id: str) -> str:
        """Return its path in the lake."""
        folder = f"landing/{self.kind}/dt={iso_date(self.day)}"
        return f"{folder}/{'gateway/' if self.kind == 'events' else ''}{gateway_id}-{self.number:08d}.jsonl"


def flush_segments(writer: Writer, reader: sqlite3.Connection, store: Store, gateway_id: str) -> int:
    """Land all lines that wait now; return the number of files.

    Raises LakeError if the lake cannot be written, RequestError if the event store cannot: nothing is lost; call it
    again.
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
    """Insert and return the next segment: lines up to `end` of the earliest day, within the size limits."""
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
    """Delete the segment and its lines after it has landed."""
    bounds = (segment.kind, segment.day, segment.first_seq, segment.last_seq)
    connection.execute("DELETE FROM waiting WHERE kind = ? AND day = ? AND seq BETWEEN ? AND ?", bounds)
    connection.execute("DELETE FROM segments WHERE number = ?", (segment.number,))


def segment_bytes(connection: sqlite3.Connection, segment: LandingSegment) -> bytes:
    """Return the content of its file: the same bytes until it is marked as landed."""
    select = "SELECT line FROM waiting WHERE kind = ? AND day = ? AND seq BETWEEN ? AND ? ORDER BY seq"
    rows = connection.execute(select, (segment.kind, segment.day, segment.first_seq, segment.last_seq))
    return b"".join(row[0] for row in rows)


def count_waiting(connection: sqlite3.Connection) -> tuple[int, int | None]:
    """Return the approximate number of waiting lines, and the day of the oldest."""
    first, last = connection.execute("SELECT min(seq), max(seq) FROM waiting").fetchone()
    if first is None:
        return 0, None
    return last - first + 1, int(connection.execute("SELECT day FROM waiting WHERE seq = ?", (first,)).fetchone()[0])


def _pending_segment(connection: sqlite3.Connection, kind: LineKind) -> LandingSegment | None:
    """Return the segment that was inserted and not yet marked as landed."""
    select = "SELECT number, kind, day, first, last FROM segments WHERE kind = ? ORDER BY number LIMIT 1"
    row = connection.execute(select, (kind,)).fetchone()
    return LandingSegment(*row) if row else None


def _put_file(store: Store, path: str, lines: bytes) -> None:
    """Put the file if absent. Raises LakeError if it has other content: the state folder was restored from a copy."""
    if store.put_if_absent(path, lines):
        return
    if store.get(path) == lines:
        store.sync(path)  # the process that put it may have been killed before the sync
        return
    fix = "move this state folder away and restart the gateway; recover its new events as docs/gateway.md shows"
    raise LakeError(store.full_path(path), "contains other events than this gateway is about to land there", fix)
