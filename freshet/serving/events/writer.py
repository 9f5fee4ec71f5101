"""One thread writes: whatever waits goes into one transaction, and is acknowledged when that is on disk."""

import contextlib
import logging
import os
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final

from freshet.serving.events.event_store_file import DAMAGE_FIX, STORE_FILE, connect, file_identity, is_corruption
from freshet.serving.http.errors import RequestError, to_client_error
from freshet.serving.micro_batching import MicroBatchQueue

LOG = logging.getLogger("freshet")
MAX_TRANSACTION_JOBS: Final = 256  # jobs of one transaction
RESERVED_DISK_BYTES: Final = 16 << 20  # bytes of the disk that no event takes
MAX_QUEUED_JOBS: Final = 2048  # jobs that may wait

# What a job returns must not hold on to the connection: a cursor freed by another thread spoils the next statement.
WriteJob = Callable[[sqlite3.Connection], Any]
QueuedJob = tuple[WriteJob, "Future[Any]"]


class Writer:
    """The only writer of a ledger. A job sees the others of its group; all of them are kept, or none."""

    def __init__(self, folder: Path, reserved_bytes: int = RESERVED_DISK_BYTES) -> None:
        self.folder, self._path = folder, folder / STORE_FILE
        self._reserved_bytes = reserved_bytes
        self.connection = connect(folder)
        self._file_identity = file_identity(folder)
        self._queue: MicroBatchQueue[QueuedJob] = MicroBatchQueue("posts", MAX_QUEUED_JOBS, MAX_TRANSACTION_JOBS)
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self.low_disk = False  # no room for events at the last look
        self.disk_full = False  # the last transaction did not fit on the disk
        self.store_error: RequestError | None = (
            None  # why nothing may be acknowledged any more: the file is damaged or gone
        )

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, then end."""
        self._queue.close()
        self._thread.join()
        self.connection.close()

    @property
    def alive(self) -> bool:
        """Whether it still writes."""
        return self._thread.is_alive()

    def check_writable(self) -> None:
        """Whether events may be acknowledged.

        Raises RequestError: 503 when the file is damaged or gone, 507 when the disk has less than `reserve` left: the
        rest is for landing what waits.
        """
        if self.store_error is None and not self._is_same_file():
            self._mark_unusable(missing_store_error(self._path))
        if self.store_error is not None:
            raise self.store_error
        disk = os.statvfs(self.folder)
        low_disk, was_low = disk.f_bavail * disk.f_frsize < self._reserved_bytes, self.low_disk
        self.low_disk = low_disk
        if low_disk and not was_low:
            LOG.error("%s", disk_full_error(self._path))
        if low_disk:
            raise disk_full_error(self._path)

    def to_request_error(self, error: sqlite3.Error) -> RequestError:
        """What an error of SQLite means, wherever it was met; after a damage nothing is acknowledged any more."""
        if is_corruption(error):
            self._mark_unusable(corrupt_store_error(self._path, error))
        if self.store_error is not None:
            return self.store_error
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            return disk_full_error(self._path)
        what = f"cannot be used ({error}), nothing was kept"
        return RequestError(503, str(self._path), what, "see that its disk is there and writable, then send it again")

    def _is_same_file(self) -> bool:
        """Whether the file that is written still stands where the next gateway looks for it."""
        try:
            return file_identity(self.folder) == self._file_identity
        except OSError:
            return False

    def _mark_unusable(self, reason: RequestError) -> None:
        if self.store_error is None:
            LOG.error("%s", reason)
            self.store_error = reason

    def submit(self, job: WriteJob) -> "Future[Any]":
        """The future is done when the job's transaction is on disk, or failed with what the job's sender is told.

        Raises RequestError (503) when too many jobs wait.
        """
        future: Future[Any] = Future()
        self._queue.put((job, future))
        return future

    def _run(self) -> None:
        for batch in self._queue:
            # A client that hung up before its turn has no say any more; from here on nobody can take it back.
            self._write([queued_job for queued_job in batch if queued_job[1].set_running_or_notify_cancel()])

    def _write(self, batch: list[QueuedJob]) -> None:
        """All jobs of the group or none; the answers go out after the commit."""
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            results = [job(self.connection) for job, _ in batch]
            self.connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - the edge of the thread: it must outlive any job
            self._fail(batch, error)
            return
        if self.disk_full:
            LOG.warning("%s: there is room on the disk again; events are accepted", self._path)
        self.disk_full = False
        for (_, future), result in zip(batch, results, strict=True):
            future.set_result(result)

    def _fail(self, batch: list[QueuedJob], error: Exception) -> None:
        with contextlib.suppress(sqlite3.Error):  # a file that is damaged or gone may refuse even that
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
        client_error = self.to_request_error(error) if isinstance(error, sqlite3.Error) else to_client_error(error)
        if not self.disk_full and client_error is not self.store_error:
            LOG.error("%s", client_error)
        self.disk_full = isinstance(client_error, RequestError) and client_error.status == 507
        for _, future in batch:
            future.set_exception(client_error)


def disk_full_error(path: Path) -> RequestError:
    """The disk is full."""
    return RequestError(507, str(path), "the disk is full, nothing was kept", "free some space, then send it again")


def corrupt_store_error(path: Path, error: Exception) -> RequestError:
    """SQLite cannot read what it wrote."""
    what = f"is damaged ({error}): no events are kept; what waits may not land"
    return RequestError(503, str(path), what, DAMAGE_FIX)


def missing_store_error(path: Path) -> RequestError:
    """The file was removed or replaced while it was open."""
    fix = "restart the gateway once what it kept before has landed (`waiting` in /readyz is 0)"
    return RequestError(503, str(path), "was removed or replaced: no events are kept", fix)
