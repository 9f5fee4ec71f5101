"""The gateway: one process that keeps events, answers questions, and follows the journal. Its parts, put together."""

import secrets
import sqlite3
import threading
import uuid
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from freshet.live.latest import merged
from freshet.live.released import Event
from freshet.pseudonym import pseudonym
from freshet.serving import ledger, ledger_file
from freshet.serving.answering import Answering
from freshet.serving.clock import Clock, iso
from freshet.serving.covered import cover_of
from freshet.serving.current import Current
from freshet.serving.follower import Follower
from freshet.serving.impressions import Impressions
from freshet.serving.ledger_file import connect
from freshet.serving.metrics import Metrics
from freshet.serving.problems import GatewayError, Problem, RequestError
from freshet.serving.refusals import Refusals
from freshet.serving.replies import Asking, prepared
from freshet.serving.sealer import Sealer
from freshet.serving.served import Serving
from freshet.serving.writer import Writer
from freshet.settings import Settings
from freshet.store import open_store

PROBED: Final = 20  # recent histories that a new bundle has to answer
MOMENT: Final = 0.5  # seconds for the proof that runs to be gone
PATIENCE: Final = 2.5  # seconds for landing what waits at the end


class Gateway:
    """Built around a state folder that is held; `start` and `stop` are called once each.

    swapped: called after each release that was swapped in.
    """

    def __init__(
        self, settings: Settings, key: bytes, folder: Path, clock: Clock, swapped: Callable[[], None] = lambda: None
    ) -> None:
        gateway, store = ledger_file.create(folder), open_store(settings.lake)
        self.settings, self.clock, self.metrics = settings, clock, Metrics()
        self.current = Current(lists_first=settings.lists == "first", swapped=swapped)
        self.cover = cover_of(settings)
        self.refusals = Refusals(self.metrics, clock.steady)
        self._key, self._folder = key, folder
        self.explaining = threading.Lock()  # an explanation costs as much as a hundred answers: one at a time
        self.writer = Writer(folder)
        self.impressions = Impressions(self.writer)
        self.answering = Answering(self.writer, self.current)
        self.sealer = Sealer(settings, gateway, store, self.writer, clock, self.impressions, self.refusals)
        self.follower = Follower(settings, store, self.current, clock, self.recent_histories)

    def start(self) -> None:
        """Start every thread."""
        for part in (self.writer, self.answering, self.follower, self.sealer):
            part.start()

    def stop(self) -> None:
        """No more questions, then land what waits; what does not land in time lands at the next start."""
        self.follower.stop(MOMENT)
        self.answering.stop()
        if self.sealer.stop(PATIENCE):
            self.writer.stop()

    def shopper(self, user_id: str | None, session_id: str | None) -> str | None:
        """The pseudonym of the user where known, else of the session, as in the tables."""
        if user_id is not None:
            return pseudonym(self._key, "user", user_id)
        return None if session_id is None else pseudonym(self._key, "session", session_id)

    def events_of(self, serving: Serving, asking: Asking) -> Sequence[Event]:
        """All that is known of the shopper now, oldest first, as the answer to a question would take it.

        Raises RequestError (503) where the gateway's own events cannot be read.
        """
        try:
            with closing(connect(self._folder)) as reader:
                return prepared(serving, self.current.known, reader, asking).events
        except sqlite3.Error as error:
            raise self.writer.meant(error) from None

    def recent_histories(self) -> Sequence[Sequence[Event]]:
        """Of the shoppers seen last: what a new bundle is asked before it may answer."""
        known = self.current.known
        try:
            with closing(connect(self._folder)) as reader:
                shoppers = ledger.recent_shoppers(reader, PROBED)
                return [merged(known.of(one), ledger.recent(reader, one).events) for one in shoppers]
        except (sqlite3.Error, GatewayError):  # told by those who write: a release is no worse for it
            return []

    def reasons(self) -> list[Problem]:
        """Everything that is not as it should be."""
        found = [*self.current.journal_problems, *self.sealer.problems.values()]
        if self.current.histories_problem is not None:
            found.append(self.current.histories_problem)
        if self.current.lists_problem is not None:
            found.append(self.current.lists_problem)
        if self.current.new_items_problem is not None:
            found.append(self.current.new_items_problem)
        try:
            self.writer.check()
        except RequestError as error:
            found.append(Problem.of(error))
        jump = self.clock.jump()
        if jump is not None:
            apart = f"; the gateway's is {iso(self.clock.now())}" if abs(self.clock.apart()) > 1 else ""
            fix = "check the machine's time service, and restart the gateway once its clock is right"
            found.append(Problem("clock", jump.sentence() + apart, fix))
        return found

    def gauge(self) -> None:
        """Bring the gauges up to date, before they are read."""
        serving, metrics = self.current.serving, self.metrics
        metrics.ready.set(serving is not None)
        metrics.release.set(serving.number if serving else 0)
        metrics.bundle.clear()
        if serving is not None:
            metrics.bundle.labels(serving.bundle.id).set(1)
        metrics.swaps.set(self.current.swaps)
        metrics.refused.set(self.current.refused)
        metrics.waiting.set(self.sealer.lines)
        metrics.files.set(self.sealer.files)
        metrics.dropped.set(self.impressions.dropped)
        metrics.reasons.set(len(self.reasons()))

    def dead(self) -> list[str]:
        """Threads that should run and do not: a mistake of ours, cured by a restart."""
        alive = {
            "writer": self.writer.alive,
            "answering": self.answering.alive,
            "follower": self.follower.alive,
            "sealer": self.sealer.alive,
        }
        return [name for name, works in alive.items() if not works]


def new_id() -> str:
    """Of a request."""
    return uuid.uuid4().hex


def new_event_id() -> str:
    """Of an event that brought none."""
    return secrets.token_hex(16)
