"""The thread that writes the event store: jobs that wait share one transaction, acknowledged once it is on disk."""

import contextlib
import logging
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final

from freshet.serving.errors import RequestError, to_client_error
from freshet.serving.events.event_store_file import DAMAGE_FIX, STORE_FILE, connect, file_identity, is_corruption
from freshet.serving.micro_batching import MicroBatchThread

LOG = logging.getLogger("freshet")
MAX_TRANSACTION_JOBS: Final = 256  # jobs of one transaction
RESERVED_DISK_BYTES: Final = 16 << 20  # free disk space that events may not use
MAX_QUEUED_JOBS: Final = 2048  # jobs that may wait

# A job's result must not refer to the connection: a cursor freed by another thread spoils the next statement.
WriteJob = Callable[[sqlite3.Connection], Any]


class Writer:
    """The only writer of an event store. The jobs of a batch share a transaction: all are committed, or none."""

    def __init__(self, folder: Path, reserved_bytes: int = RESERVED_DISK_BYTES) -> None:
        self.folder, self._path = folder, folder / STORE_FILE
        self._reserved_bytes = reserved_bytes
        self.connection = connect(folder)
        self._file_identity = file_identity(folder)
        self._thread: MicroBatchThread[WriteJob, Any] = MicroBatchThread(
            "writer", self._write, label="posts", max_waiting=MAX_QUEUED_JOBS, max_batch=MAX_TRANSACTION_JOBS
        )
        self.low_disk = False  # the last check found no disk space for events
        self.disk_full = False  # the last transaction did not fit on the disk
        self.store_error: RequestError | None = None  # set for good once the file is damaged or gone

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Write the jobs that wait, then end the thread."""
        self._thread.stop()
        self.connection.close()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.alive

    def submit(self, job: WriteJob) -> "Future[Any]":
        """Return the future of the job's result: done when its transaction is on disk, or with the client's error.

        Raises RequestError (503) when too many jobs wait.
        """
        return self._thread.submit(job)

    def check_writable(self) -> None:
        """Raise RequestError if events cannot be stored.

        503: the file is damaged or gone. 507: less than the reserved disk space is free, which is for landing.
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
        """Return the client's error for an SQLite error of any thread; corruption makes the store unusable."""
        if is_corruption(error):
            self._mark_unusable(corrupt_store_error(self._path, error))
        if self.store_error is not None:
            return self.store_error
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            return disk_full_error(self._path)
        what = f"cannot be used ({error}), nothing was stored"
        return RequestError(
            503, str(self._path), what, "check that its disk is mounted and writable, then send it again"
        )

    def _is_same_file(self) -> bool:
        """Whether the path still names the open file: the next gateway would open that path."""
        try:
            return file_identity(self.folder) == self._file_identity
        except OSError:
            return False

    def _mark_unusable(self, reason: RequestError) -> None:
        if self.store_error is None:
            LOG.error("%s", reason)
            self.store_error = reason

    def _write(self, jobs: Sequence[WriteJob]) -> list[Any]:
        """Run the jobs in one transaction; return their results after the commit, or the same error for all."""
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            results = [job(self.connection) for job in jobs]
            self.connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - the edge of the thread: it must survive any job
            return [self._roll_back(error)] * len(jobs)
        if self.disk_full:
            LOG.warning("%s: there is room on the disk again; events are accepted", self._path)
        self.disk_full = False
        return results

    def _roll_back(self, error: Exception) -> Exception:
        """Return the client's error."""
        with contextlib.suppress(sqlite3.Error):  # a damaged or missing file may reject even this
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
        client_error = self.to_request_error(error) if isinstance(error, sqlite3.Error) else to_client_error(error)
        if not self.disk_full and client_error is not self.store_error:
            LOG.error("%s", client_error)
        self.disk_full = isinstance(client_error, RequestError) and client_error.status == 507
        return client_error


def disk_full_error(path: Path) -> RequestError:
    """Return the error of a full disk (507)."""
    return RequestError(507, str(path), "the disk is full, nothing was stored", "free some space, then send it again")


def corrupt_store_error(path: Path, error: Exception) -> RequestError:
    """Return the error of a file that SQLite cannot read (503)."""
    what = f"is damaged ({error}): no events are stored; waiting lines may not land"
    return RequestError(503, str(path), what, DAMAGE_FIX)


def missing_store_error(path: Path) -> RequestError:
    """Return the error of a file that was removed or replaced while it was open (503)."""
    fix = "restart the gateway once its stored events have landed (`waiting` in /readyz is 0)"
    return RequestError(503, str(path), "was removed or replaced: no events are stored", fix)
