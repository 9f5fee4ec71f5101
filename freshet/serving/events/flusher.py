"""The thread that lands waiting lines: at an interval, at the end of a UTC day, on a large backlog, and at the end."""

import logging
import sqlite3
import threading
from collections.abc import Callable, Mapping
from typing import Final

from freshet.serving.backoff import Backoff
from freshet.serving.clock import Clock, day_of
from freshet.serving.errors import Problem, to_client_error
from freshet.serving.events.event_store import prune
from freshet.serving.events.event_store_file import connect
from freshet.serving.events.impressions import ImpressionBuffer
from freshet.serving.events.landing_segments import MAX_SEGMENT_LINES, count_waiting, flush_segments
from freshet.serving.events.writer import Writer
from freshet.serving.rejected_requests import RejectedRequestLog
from freshet.settings import Settings
from freshet.store import Store

LOG = logging.getLogger("freshet")
TICK_S: Final = 0.25  # seconds
PRUNE_INTERVAL_S: Final = 3600.0  # seconds
MAX_RECENT_ROWS: Final = 5_000_000  # recent events kept at most, to bound the disk space
EXTRA_RETENTION_DAYS: Final = 2  # recent events are kept this much longer than the lake's deduplication looks back
MAX_RETRY_PAUSE_S: Final = 600.0  # the longest pause between retries when the lake cannot be written


class LandingFlusher:
    """Lands events and impressions, prunes old recent events, and reports problems."""

    def __init__(
        self,
        settings: Settings,
        gateway_id: str,
        store: Store,
        writer: Writer,
        clock: Clock,
        impressions: ImpressionBuffer,
        rejected_requests: RejectedRequestLog,
    ) -> None:
        self._settings, self._gateway_id, self._store = settings, gateway_id, store
        self._writer, self._clock, self._impressions = writer, clock, impressions
        self._rejected_requests = rejected_requests
        self._reader = connect(writer.folder)
        self._stop_event = threading.Event()
        self._thread = threading.Thread(target=self._run, name="flusher", daemon=True)
        self._next_flush = self._next_prune = 0.0
        self._backoff = Backoff(2 * settings.flush_interval_s, MAX_RETRY_PAUSE_S)
        self.problems: Mapping[str, Problem] = {}  # by task; replaced, never changed in place
        self.landed_files = 0  # since start
        self.waiting_lines = 0  # at the last count
        self._oldest_day: int | None = None  # day of the oldest waiting line

    def start(self) -> None:
        """Start the thread; lines of an earlier gateway are landed, too."""
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Land the waiting lines and end the thread; return whether it ended within `timeout` seconds."""
        self._stop_event.set()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop_event.wait(TICK_S):
            self._run_due_tasks(self._clock.monotonic())
        self._run_due_tasks(float("inf"))
        self._reader.close()

    def _run_due_tasks(self, now: float) -> None:
        """Run the tasks that are due. now: monotonic seconds; infinite at the end."""
        self._rejected_requests.log(now)
        self._attempt("impressions", self._impressions.flush)
        self._attempt("counting waiting lines", self._count_waiting)
        is_day_over = self._oldest_day is not None and self._oldest_day < day_of(self._clock.now())
        is_backlog_due = self.waiting_lines >= MAX_SEGMENT_LINES or is_day_over
        if now >= self._next_flush or (is_backlog_due and "landing" not in self.problems):
            succeeded = self._attempt("landing", self._flush)
            if succeeded:
                self._backoff.reset()
            self._next_flush = now + (self._settings.flush_interval_s if succeeded else self._backoff.next_pause())
        if now >= self._next_prune:
            self._next_prune = now + PRUNE_INTERVAL_S
            self._attempt("pruning", self._prune)

    def _attempt(self, name: str, work: Callable[[], None]) -> bool:
        """Return whether the task succeeded; a problem is shown in /readyz, and logged once."""
        other_problems = {other: problem for other, problem in self.problems.items() if other != name}
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the edge of the thread: waiting lines must land in the end
            problem = Problem.from_error(
                self._writer.to_request_error(error) if isinstance(error, sqlite3.Error) else to_client_error(error)
            )
            if self.problems.get(name) != problem:
                LOG.warning("%s", problem.message())
            self.problems = {**other_problems, name: problem}
            return False
        self.problems = other_problems
        return True

    def _flush(self) -> None:
        self.landed_files += flush_segments(self._writer, self._reader, self._store, self._gateway_id)
        self._count_waiting()

    def _count_waiting(self) -> None:
        self.waiting_lines, self._oldest_day = count_waiting(self._reader)

    def _prune(self) -> None:
        before_day = day_of(self._clock.now()) - self._settings.dedup_lookback_days - EXTRA_RETENTION_DAYS
        while self._writer.submit(lambda connection: prune(connection, before_day, MAX_RECENT_ROWS)).result():
            LOG.debug("pruned old recent events")
