"""One thread writes: whatever waits goes into one transaction, and is acknowledged when that is on disk."""

import logging
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final

from freshet.serving.ledger import FILE, connect
from freshet.serving.problems import RequestError, too_busy

LOG = logging.getLogger("freshet")
GROUP: Final = 256  # jobs of one transaction
QUEUED: Final = 2048  # jobs that may wait

Job = Callable[[sqlite3.Connection], Any]
Waiting = tuple[Job, "Future[Any]"]


class Writer:
    """The only writer of a ledger. A job sees the others of its group; all of them are kept, or none."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._path = folder, folder / FILE
        self.connection = connect(folder)
        self._queue: SimpleQueue[Waiting | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self.full = False  # the last transaction did not fit on the disk

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, then end."""
        self._queue.put(None)
        self._thread.join()
        self.connection.close()

    @property
    def alive(self) -> bool:
        """Whether it still writes."""
        return self._thread.is_alive()

    def submit(self, job: Job) -> "Future[Any]":
        """The future is done when the job's transaction is on disk, or failed with what the job's sender is told.

        Raises RequestError (503) when too many jobs wait.
        """
        if self._queue.qsize() >= QUEUED:
            raise too_busy(f"{QUEUED:,} posts wait to be written")
        future: Future[Any] = Future()
        self._queue.put((job, future))
        return future

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group, ended = self._group(first)
            # A client that hung up before its turn gets no say any more; from here on nobody can take it back.
            self._write([waiting for waiting in group if waiting[1].set_running_or_notify_cancel()])
            if ended:
                return

    def _group(self, first: Waiting) -> tuple[list[Waiting], bool]:
        """What waits now, and whether the end was asked for meanwhile."""
        group = [first]
        while len(group) < GROUP:
            try:
                following = self._queue.get_nowait()
            except Empty:
                break
            if following is None:
                return group, True
            group.append(following)
        return group, False

    def _write(self, group: list[Waiting]) -> None:
        """All jobs of the group or none; the answers go out after the commit."""
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            results = [job(self.connection) for job, _ in group]
            self.connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._fail(group, error)
            return
        if self.full:
            LOG.warning("%s: there is room on the disk again; events are accepted", self._path)
        self.full = False
        for (_, future), result in zip(group, results, strict=True):
            future.set_result(result)

    def _fail(self, group: list[Waiting], error: sqlite3.Error) -> None:
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        refused = self._meant(error)
        if not self.full:
            LOG.error("%s", refused)
        self.full = refused.status == 507
        for _, future in group:
            future.set_exception(refused)

    def _meant(self, error: sqlite3.Error) -> RequestError:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            what, fix = "the disk is full, nothing was kept", "free some space, then send it again"
            return RequestError(507, str(self._path), what, fix)
        what = f"cannot be written ({error}), nothing was kept"
        return RequestError(503, str(self._path), what, "see that its disk is there and writable, then send it again")
