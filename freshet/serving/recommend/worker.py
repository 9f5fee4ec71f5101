"""The thread that ranks: waiting requests form a batch, ranked with one release, so that no response mixes two."""

import sqlite3
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Final

from freshet.serving.errors import to_client_error
from freshet.serving.events.event_store_file import connect
from freshet.serving.events.writer import Writer
from freshet.serving.micro_batching import MicroBatchThread
from freshet.serving.recommend.active_state import ActiveState
from freshet.serving.recommend.ranking import PendingRequest, RankedResponse, rank_batch

MAX_BATCH_REQUESTS: Final = 16  # requests of one batch
MAX_QUEUED_REQUESTS: Final = 1024  # requests that may wait


class RecommendationWorker:
    """Ranks requests with the active release, from the shoppers' events in the lake and in the event store."""

    def __init__(self, writer: Writer, active_state: ActiveState) -> None:
        self._reader, self._writer, self._active_state = connect(writer.folder), writer, active_state
        self._thread: MicroBatchThread[PendingRequest, RankedResponse] = MicroBatchThread(
            "recommendation_worker",
            self._rank,
            label="requests",
            max_waiting=MAX_QUEUED_REQUESTS,
            max_batch=MAX_BATCH_REQUESTS,
        )

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Rank the requests that wait, then end the thread."""
        self._thread.stop()
        self._reader.close()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.alive

    def submit(self, pending: PendingRequest) -> Future[RankedResponse]:
        """Return the future of the response. Raises RequestError (503) when too many requests wait."""
        return self._thread.submit(pending)

    def _rank(self, batch: Sequence[PendingRequest]) -> Sequence[RankedResponse | Exception]:
        """Return a response or an error for each; the active state is read once."""
        release, snapshots = self._active_state.release, self._active_state.snapshots
        if release is None:
            return [self._active_state.unavailable_error()] * len(batch)
        try:
            try:
                return rank_batch(release, snapshots, self._reader, batch)
            except sqlite3.Error as error:  # use the lake's histories and the requests' events only
                self._writer.to_request_error(error)
                return rank_batch(release, snapshots, None, batch)
        except Exception as error:  # noqa: BLE001 - the edge of the thread: it must survive any request
            return [to_client_error(error)] * len(batch)
