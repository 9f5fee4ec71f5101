"""The thread that lands what waits: every `seal_seconds`, when a day is over, when much waits, and at the end."""

import logging
import sqlite3
import threading
from collections.abc import Callable, Mapping
from typing import Final

from freshet.serving.clock import Clock, day_of
from freshet.serving.impressions import Impressions
from freshet.serving.ledger import prune
from freshet.serving.ledger_file import connect
from freshet.serving.problems import Problem, told
from freshet.serving.refusals import Refusals
from freshet.serving.segments import LINES, land, waiting
from freshet.serving.writer import Writer
from freshet.settings import Settings
from freshet.store import Store

LOG = logging.getLogger("freshet")
TICK: Final = 0.25  # seconds
PRUNE: Final = 3600.0  # seconds
KEPT_ROWS: Final = 5_000_000  # recent events kept at most: a bounded disk
DAYS_MORE: Final = 2  # recent events are kept so many days longer than the lake looks back for duplicates
LONGEST_PAUSE: Final = 600.0  # seconds between attempts when the lake cannot be written


class Sealer:
    """Lands events and impressions, forgets old recent ones, and says what is wrong."""

    def __init__(
        self,
        settings: Settings,
        gateway: str,
        store: Store,
        writer: Writer,
        clock: Clock,
        impressions: Impressions,
        refusals: Refusals,
    ) -> None:
        self._settings, self._gateway, self._store = settings, gateway, store
        self._writer, self._clock, self._impressions = writer, clock, impressions
        self._refusals = refusals
        self._reader = connect(writer.folder)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sealer", daemon=True)
        self._next_land = self._next_prune = 0.0
        self._pause = settings.seal_seconds
        self.problems: Mapping[str, Problem] = {}  # by what is being attempted; replaced, never changed
        self.files = 0  # landed since start
        self.lines = 0  # waiting at the last look
        self._oldest: int | None = None  # the day of the oldest of them

    def start(self) -> None:
        """Begin, with what an earlier gateway left behind."""
        self._thread.start()

    def stop(self, patience: float) -> bool:
        """Land what waits and end; False when it takes longer than `patience` seconds: then it lands at next start."""
        self._ended.set()
        self._thread.join(patience)
        return not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        """Whether it still lands."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._ended.wait(TICK):
            self._turn(self._clock.steady())
        self._turn(float("inf"))
        self._reader.close()

    def _turn(self, now: float) -> None:
        """What is due. now: steady seconds; infinite at the end."""
        self._refusals.log(now)
        self._attempt("impressions", self._impressions.keep)
        self._attempt("counting what waits", self._look)
        over = self._oldest is not None and self._oldest < day_of(self._clock.now())
        much = self.lines >= LINES or over
        if now >= self._next_land or (much and "landing" not in self.problems):
            went_well = self._attempt("landing", self._land)
            self._pause = self._settings.seal_seconds if went_well else min(2 * self._pause, LONGEST_PAUSE)
            self._next_land = now + self._pause
        if now >= self._next_prune:
            self._next_prune = now + PRUNE
            self._attempt("pruning", self._prune)

    def _attempt(self, name: str, work: Callable[[], None]) -> bool:
        """Whether it went well; the reason stands in /readyz, and once in the log."""
        others = {other: problem for other, problem in self.problems.items() if other != name}
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the edge of the thread: what waits must land one day
            problem = Problem.of(self._writer.meant(error) if isinstance(error, sqlite3.Error) else told(error))
            if self.problems.get(name) != problem:
                LOG.warning("%s", problem.sentence())
            self.problems = {**others, name: problem}
            return False
        self.problems = others
        return True

    def _land(self) -> None:
        self.files += land(self._writer, self._reader, self._store, self._gateway)
        self._look()

    def _look(self) -> None:
        self.lines, self._oldest = waiting(self._reader)

    def _prune(self) -> None:
        before = day_of(self._clock.now()) - self._settings.lookback_days - DAYS_MORE
        while self._writer.submit(lambda connection: prune(connection, before, KEPT_ROWS)).result():
            LOG.debug("some recent events are old enough to be forgotten")
