"""Impressions: one line per recommendation response, buffered in memory and landed like events."""

import threading
from typing import Final

import msgspec

from freshet.serving.clock import day_of
from freshet.serving.events.event_store import enqueue
from freshet.serving.events.writer import Writer

MAX_BUFFERED_LINES: Final = 50_000  # lines in memory; while the disk is full, lines beyond are dropped and counted


class Impression(msgspec.Struct, frozen=True):
    """The list that one response showed. shopper: the pseudonym; None for a request without user_id and session_id."""

    request_id: str
    shopper: str | None
    items: tuple[str, ...]  # best first
    tier: str
    arm: str
    bundle: str
    release: int
    shown_at: str


class ImpressionBuffer:
    """Impressions that are not yet in the event store. Responses do not wait for it."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._lock = threading.Lock()
        self._lines: list[tuple[str, int, bytes]] = []
        self.dropped = 0

    def add(self, impression: Impression, micros: int) -> None:
        """Add one impression, shown at `micros`."""
        line = msgspec.json.encode(impression) + b"\n"
        with self._lock:
            if len(self._lines) < MAX_BUFFERED_LINES:
                self._lines.append(("impressions", day_of(micros), line))
            else:
                self.dropped += 1

    def flush(self) -> None:
        """Write the buffered lines to the event store, all or none.

        Raises RequestError if it cannot be written, or if only the disk space reserved for landing is left: the
        lines stay in memory.
        """
        with self._lock:
            lines = list(self._lines)
        if not lines:
            return
        self._writer.check_writable()
        self._writer.submit(lambda connection: enqueue(connection, lines)).result()
        with self._lock:
            del self._lines[: len(lines)]
