"""The thread that lands what waits: every `seal_seconds`, when a day is over, when much waits, and at the end."""

import logging
import sqlite3
import threading
from collections.abc import Callable, Mapping
from typing import Final

from freshet.serving.clock import Clock, day_of
from freshet.serving.events.event_store import prune
from freshet.serving.events.event_store_file import connect
from freshet.serving.events.impressions import ImpressionBuffer
from freshet.serving.events.segments import MAX_SEGMENT_LINES, count_waiting, flush_segments
from freshet.serving.events.writer import Writer
from freshet.serving.http.errors import Problem, to_client_error
from freshet.serving.http.rejected_requests import RefusalLog
from freshet.settings import Settings
from freshet.store import Store

LOG = logging.getLogger("freshet")
TICK_S: Final = 0.25  # seconds
PRUNE_INTERVAL_S: Final = 3600.0  # seconds
MAX_RECENT_ROWS: Final = 5_000_000  # recent events kept at most: a bounded disk
EXTRA_RETENTION_DAYS: Final = 2  # recent events are kept so many days longer than the lake looks back for duplicates
MAX_RETRY_PAUSE_S: Final = 600.0  # seconds between attempts when the lake cannot be written


class LandingFlusher:
    """Lands events and impressions, forgets old recent ones, and says what is wrong."""

    def __init__(
        self,
        settings: Settings,
        gateway_id: str,
        store: Store,
        writer: Writer,
        clock: Clock,
        impressions: ImpressionBuffer,
        refusal_log: RefusalLog,
    ) -> None:
        self._settings, self._gateway_id, self._store = settings, gateway_id, store
        self._writer, self._clock, self._impressions = writer, clock, impressions
        self._refusal_log = refusal_log
        self._reader = connect(writer.folder)
        self._stop_event = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sealer", daemon=True)
        self._next_flush = self._next_prune = 0.0
        self._pause = settings.flush_interval_s
        self.problems: Mapping[str, Problem] = {}  # by what is being attempted; replaced, never changed
        self.landed_files = 0  # landed since start
        self.waiting_lines = 0  # waiting at the last look
        self._oldest_day: int | None = None  # the day of the oldest of them

    def start(self) -> None:
        """Begin, with what an earlier gateway left behind."""
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Land what waits and end; False when it takes longer than `patience` seconds: then it lands at next start."""
        self._stop_event.set()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        """Whether it still lands."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop_event.wait(TICK_S):
            self._run_due_tasks(self._clock.monotonic())
        self._run_due_tasks(float("inf"))
        self._reader.close()

    def _run_due_tasks(self, now: float) -> None:
        """What is due. now: steady seconds; infinite at the end."""
        self._refusal_log.log(now)
        self._attempt("impressions", self._impressions.flush)
        self._attempt("counting what waits", self._count_waiting)
        is_day_over = self._oldest_day is not None and self._oldest_day < day_of(self._clock.now())
        is_backlog_due = self.waiting_lines >= MAX_SEGMENT_LINES or is_day_over
        if now >= self._next_flush or (is_backlog_due and "landing" not in self.problems):
            succeeded = self._attempt("landing", self._flush)
            self._pause = self._settings.flush_interval_s if succeeded else min(2 * self._pause, MAX_RETRY_PAUSE_S)
            self._next_flush = now + self._pause
        if now >= self._next_prune:
            self._next_prune = now + PRUNE_INTERVAL_S
            self._attempt("pruning", self._prune)

    def _attempt(self, name: str, work: Callable[[], None]) -> bool:
        """Whether it went well; the reason stands in /readyz, and once in the log."""
        other_problems = {other: problem for other, problem in self.problems.items() if other != name}
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the edge of the thread: what waits must land one day
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
            LOG.debug("some recent events are old enough to be forgotten")
