"""One thread answers: whatever waits is answered together, from one release, so that no answer mixes two."""

import sqlite3
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Final

from freshet.serving.events.event_store_file import connect
from freshet.serving.events.writer import Writer
from freshet.serving.http.errors import to_client_error
from freshet.serving.micro_batching import MicroBatchQueue
from freshet.serving.recommend.active_state import ActiveState
from freshet.serving.recommend.responses import PendingRequest, RankedResponse, rank_batch

MAX_BATCH_REQUESTS: Final = 16  # questions answered at once
MAX_QUEUED_REQUESTS: Final = 1024  # questions that may wait

QueuedRequest = tuple[PendingRequest, "Future[RankedResponse]"]


class RecommendationWorker:
    """Asks the ledger and the lake what is known of a shopper, and the release that serves what to show them."""

    def __init__(self, writer: Writer, active_state: ActiveState) -> None:
        self._reader, self._writer, self._active_state = connect(writer.folder), writer, active_state
        self._queue: MicroBatchQueue[QueuedRequest] = MicroBatchQueue(
            "questions", MAX_QUEUED_REQUESTS, MAX_BATCH_REQUESTS
        )
        self._thread = threading.Thread(target=self._run, name="answering", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer what waits, then end."""
        self._queue.close()
        self._thread.join()
        self._reader.close()

    @property
    def alive(self) -> bool:
        """Whether it still answers."""
        return self._thread.is_alive()

    def submit(self, pending: PendingRequest) -> "Future[RankedResponse]":
        """Raises RequestError (503) when too many questions wait."""
        future: Future[RankedResponse] = Future()
        self._queue.put((pending, future))
        return future

    def _run(self) -> None:
        for batch in self._queue:
            queued_requests = [(pending, future) for pending, future in batch if future.set_running_or_notify_cancel()]
            results = self._results([asking for asking, _ in queued_requests])
            for (_, future), result in zip(queued_requests, results, strict=True):
                if isinstance(result, RankedResponse):
                    future.set_result(result)
                else:
                    future.set_exception(result)

    def _results(self, batch: Sequence[PendingRequest]) -> Sequence[RankedResponse | Exception]:
        """An answer or a reason for each; the references are read once."""
        release, snapshots = self._active_state.release, self._active_state.snapshots
        if release is None:
            return [self._active_state.unavailable_error()] * len(batch)
        try:
            try:
                return rank_batch(release, snapshots, self._reader, batch)
            except sqlite3.Error as error:  # the lake's histories and what comes with the question are there still
                self._writer.to_request_error(error)
                return rank_batch(release, snapshots, None, batch)
        except Exception as error:  # noqa: BLE001 - the edge of the thread: it must outlive any question
            return [to_client_error(error)] * len(batch)
