"""What was shown to whom: one line an answer, kept in groups, landed like events. An answer never waits for it."""

import threading
from typing import Final

import msgspec

from freshet.serving.clock import day_of
from freshet.serving.events.event_store import enqueue
from freshet.serving.events.writer import Writer

MAX_BUFFERED_LINES: Final = (
    50_000  # lines held in memory at most; beyond, when the disk is full, they are dropped and counted
)


class Impression(msgspec.Struct, frozen=True):
    """One answered list. shopper: the pseudonym; None when only clicks were sent, or nothing."""

    request_id: str
    shopper: str | None
    items: tuple[str, ...]  # best first
    tier: str
    arm: str
    bundle: str
    release: int
    shown_at: str


class ImpressionBuffer:
    """The lines of the last moments, until they are kept in the ledger."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._lock = threading.Lock()
        self._lines: list[tuple[str, int, bytes]] = []
        self.dropped = 0

    def add(self, impression: Impression, micros: int) -> None:
        """Remember one answer given at `micros`."""
        line = msgspec.json.encode(impression) + b"\n"
        with self._lock:
            if len(self._lines) < MAX_BUFFERED_LINES:
                self._lines.append(("impressions", day_of(micros), line))
            else:
                self.dropped += 1

    def flush(self) -> None:
        """Write them to the ledger, all or none.

        Raises RequestError when it cannot be written, or only what is reserved for landing is left of the disk: then
        they stay in memory.
        """
        with self._lock:
            lines = list(self._lines)
        if not lines:
            return
        self._writer.check_writable()
        self._writer.submit(lambda connection: enqueue(connection, lines)).result()
        with self._lock:
            del self._lines[: len(lines)]
