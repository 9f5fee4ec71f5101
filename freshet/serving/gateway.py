"""The gateway's parts put together: event store, recommendation worker, release watcher, flusher."""

import secrets
import sqlite3
import threading
import uuid
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from freshet.data.history_events import HistoryEvent
from freshet.data.pseudonym import pseudonym
from freshet.inference.latest_histories import merge_events
from freshet.serving.clock import Clock, iso
from freshet.serving.errors import GatewayError, Problem, RequestError
from freshet.serving.events import event_store, event_store_file
from freshet.serving.events.event_store_file import connect
from freshet.serving.events.flusher import LandingFlusher
from freshet.serving.events.impressions import ImpressionBuffer
from freshet.serving.events.writer import Writer
from freshet.serving.metrics import GatewayMetrics
from freshet.serving.recommend.active_state import ActiveState
from freshet.serving.recommend.loaded_release import LoadedRelease
from freshet.serving.recommend.ranking import PendingRequest, build_ranking_request
from freshet.serving.recommend.worker import RecommendationWorker
from freshet.serving.redaction import path_redactor
from freshet.serving.rejected_requests import RejectedRequestLog
from freshet.serving.releases.watcher import ReleaseWatcher
from freshet.settings import Settings
from freshet.store import open_store

MAX_CHECK_SHOPPERS: Final = 20  # shoppers whose recent histories a new bundle must be able to rank
WATCHER_STOP_TIMEOUT_S: Final = 0.5  # until a running bundle check has ended
FLUSHER_STOP_TIMEOUT_S: Final = 2.5  # until the waiting lines have landed


class Gateway:
    """All parts of a gateway. `start` and `stop` are called once each.

    key: of the pseudonyms. folder: the locked state folder. on_swap: called after each release that was swapped in.
    """

    def __init__(
        self, settings: Settings, key: bytes, folder: Path, clock: Clock, on_swap: Callable[[], None] = lambda: None
    ) -> None:
        gateway_id, store = event_store_file.create_store(folder), open_store(settings.lake)
        self.settings, self.clock, self.metrics = settings, clock, GatewayMetrics()
        self.active_state = ActiveState(lists_first=settings.precomputed_lists == "first", on_swap=on_swap)
        self.redactor = path_redactor(settings)
        self.rejected_requests = RejectedRequestLog(self.metrics, clock.monotonic)
        self._key, self._folder = key, folder
        self.explanation_lock = threading.Lock()  # an explanation costs as much as a hundred recommendations
        self.writer = Writer(folder)
        self.impressions = ImpressionBuffer(self.writer)
        self.recommendation_worker = RecommendationWorker(self.writer, self.active_state)
        self.flusher = LandingFlusher(
            settings=settings,
            gateway_id=gateway_id,
            store=store,
            writer=self.writer,
            clock=clock,
            impressions=self.impressions,
            rejected_requests=self.rejected_requests,
        )
        self.release_watcher = ReleaseWatcher(settings, store, self.active_state, clock, self.recent_histories)

    def start(self) -> None:
        """Start every thread."""
        for part in (self.writer, self.recommendation_worker, self.release_watcher, self.flusher):
            part.start()

    def stop(self) -> None:
        """Stop every thread and land the waiting lines; those that do not land in time land at the next start."""
        self.release_watcher.stop(WATCHER_STOP_TIMEOUT_S)
        self.recommendation_worker.stop()
        if self.flusher.stop(FLUSHER_STOP_TIMEOUT_S):
            self.writer.stop()

    def shopper(self, user_id: str | None, session_id: str | None) -> str | None:
        """Return the pseudonym of the user if given, else of the session, as in the tables."""
        if user_id is not None:
            return pseudonym(self._key, "user", user_id)
        return None if session_id is None else pseudonym(self._key, "session", session_id)

    def shopper_events(self, release: LoadedRelease, pending: PendingRequest) -> Sequence[HistoryEvent]:
        """Return the events that a recommendation request would be ranked from, oldest first.

        Raises RequestError (503) when the event store cannot be read.
        """
        try:
            with closing(connect(self._folder)) as reader:
                return build_ranking_request(release, self.active_state.snapshots, reader, pending).events
        except sqlite3.Error as error:
            raise self.writer.to_request_error(error) from None

    def recent_histories(self) -> Sequence[Sequence[HistoryEvent]]:
        """Return the histories of the shoppers with the latest events; empty if the event store cannot be read."""
        snapshots = self.active_state.snapshots
        try:
            with closing(connect(self._folder)) as reader:
                shoppers = event_store.recent_shoppers(reader, MAX_CHECK_SHOPPERS)
                return [
                    merge_events(snapshots.shopper_events(shopper), event_store.recent_events(reader, shopper).events)
                    for shopper in shoppers
                ]
        except (sqlite3.Error, GatewayError):  # the writer reports it; a bundle check can do without
            return []

    def problems(self) -> list[Problem]:
        """Return everything that is wrong."""
        problems = [
            *self.active_state.journal_problems,
            *self.flusher.problems.values(),
            *self.active_state.artifact_problems,
        ]
        try:
            self.writer.check_writable()
        except RequestError as error:
            problems.append(Problem.from_error(error))
        jump = self.clock.recent_jump()
        if jump is not None:
            skew_note = f"; the gateway's is {iso(self.clock.now())}" if abs(self.clock.skew()) > 1 else ""
            fix = "check the machine's time service, and restart the gateway once its clock is right"
            problems.append(Problem("clock", jump.message() + skew_note, fix))
        return problems

    def update_gauges(self) -> None:
        """Set the gauges to their current values."""
        release, metrics = self.active_state.release, self.metrics
        metrics.ready.set(release is not None)
        metrics.release.set(release.number if release else 0)
        metrics.bundle.clear()
        if release is not None:
            metrics.bundle.labels(release.bundle.id).set(1)
        metrics.swaps.set(self.active_state.swaps)
        metrics.refused_bundles.set(self.active_state.refused_bundles)
        metrics.waiting_lines.set(self.flusher.waiting_lines)
        metrics.landed_files.set(self.flusher.landed_files)
        metrics.dropped_impressions.set(self.impressions.dropped)
        metrics.problems.set(len(self.problems()))

    def dead_threads(self) -> list[str]:
        """Return the names of threads that have ended because of a bug; a restart starts them again."""
        alive = {
            "writer": self.writer.alive,
            "recommendation_worker": self.recommendation_worker.alive,
            "release_watcher": self.release_watcher.alive,
            "flusher": self.flusher.alive,
        }
        return [name for name, is_alive in alive.items() if not is_alive]


def new_request_id() -> str:
    """Return a random id for a request."""
    return uuid.uuid4().hex


def new_event_id() -> str:
    """Return a random id for an event that was posted without one."""
    return secrets.token_hex(16)
