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

from freshet.serving.groups import Groups
from freshet.serving.ledger_file import FILE, FIX, connect, identity, is_damage
from freshet.serving.problems import RequestError, told

LOG = logging.getLogger("freshet")
GROUP: Final = 256  # jobs of one transaction
RESERVE: Final = 16 << 20  # bytes of the disk that no event takes
QUEUED: Final = 2048  # jobs that may wait

# What a job returns must not hold on to the connection: a cursor freed by another thread spoils the next statement.
Job = Callable[[sqlite3.Connection], Any]
Waiting = tuple[Job, "Future[Any]"]


class Writer:
    """The only writer of a ledger. A job sees the others of its group; all of them are kept, or none."""

    def __init__(self, folder: Path, reserve: int = RESERVE) -> None:
        self.folder, self._path = folder, folder / FILE
        self._reserve = reserve
        self.connection = connect(folder)
        self._file = identity(folder)
        self._groups: Groups[Waiting] = Groups("posts", QUEUED, GROUP)
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self.crowded = False  # no room for events at the last look
        self.full = False  # the last transaction did not fit on the disk
        self.lost: RequestError | None = None  # why nothing may be acknowledged any more: the file is damaged or gone

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, then end."""
        self._groups.end()
        self._thread.join()
        self.connection.close()

    @property
    def alive(self) -> bool:
        """Whether it still writes."""
        return self._thread.is_alive()

    def check(self) -> None:
        """Whether events may be acknowledged.

        Raises RequestError: 503 when the file is damaged or gone, 507 when the disk has less than `reserve` left: the
        rest is for landing what waits.
        """
        if self.lost is None and not self._is_there():
            self._lose(gone(self._path))
        if self.lost is not None:
            raise self.lost
        disk = os.statvfs(self.folder)
        crowded, before = disk.f_bavail * disk.f_frsize < self._reserve, self.crowded
        self.crowded = crowded
        if crowded and not before:
            LOG.error("%s", no_room(self._path))
        if crowded:
            raise no_room(self._path)

    def meant(self, error: sqlite3.Error) -> RequestError:
        """What an error of SQLite means, wherever it was met; after a damage nothing is acknowledged any more."""
        if is_damage(error):
            self._lose(damaged(self._path, error))
        if self.lost is not None:
            return self.lost
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            return no_room(self._path)
        what = f"cannot be used ({error}), nothing was kept"
        return RequestError(503, str(self._path), what, "see that its disk is there and writable, then send it again")

    def _is_there(self) -> bool:
        """Whether the file that is written still stands where the next gateway looks for it."""
        try:
            return identity(self.folder) == self._file
        except OSError:
            return False

    def _lose(self, reason: RequestError) -> None:
        if self.lost is None:
            LOG.error("%s", reason)
            self.lost = reason

    def submit(self, job: Job) -> "Future[Any]":
        """The future is done when the job's transaction is on disk, or failed with what the job's sender is told.

        Raises RequestError (503) when too many jobs wait.
        """
        future: Future[Any] = Future()
        self._groups.put((job, future))
        return future

    def _run(self) -> None:
        for group in self._groups:
            # A client that hung up before its turn has no say any more; from here on nobody can take it back.
            self._write([waiting for waiting in group if waiting[1].set_running_or_notify_cancel()])

    def _write(self, group: list[Waiting]) -> None:
        """All jobs of the group or none; the answers go out after the commit."""
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            results = [job(self.connection) for job, _ in group]
            self.connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - the edge of the thread: it must outlive any job
            self._fail(group, error)
            return
        if self.full:
            LOG.warning("%s: there is room on the disk again; events are accepted", self._path)
        self.full = False
        for (_, future), result in zip(group, results, strict=True):
            future.set_result(result)

    def _fail(self, group: list[Waiting], error: Exception) -> None:
        with contextlib.suppress(sqlite3.Error):  # a file that is damaged or gone may refuse even that
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
        refused = self.meant(error) if isinstance(error, sqlite3.Error) else told(error)
        if not self.full and refused is not self.lost:
            LOG.error("%s", refused)
        self.full = isinstance(refused, RequestError) and refused.status == 507
        for _, future in group:
            future.set_exception(refused)


def no_room(path: Path) -> RequestError:
    """The disk is full."""
    return RequestError(507, str(path), "the disk is full, nothing was kept", "free some space, then send it again")


def damaged(path: Path, error: Exception) -> RequestError:
    """SQLite cannot read what it wrote."""
    what = f"is damaged ({error}): no events are kept; what waits may not land"
    return RequestError(503, str(path), what, FIX)


def gone(path: Path) -> RequestError:
    """The file was removed or replaced while it was open."""
    fix = "restart the gateway once what it kept before has landed (`waiting` in /readyz is 0)"
    return RequestError(503, str(path), "was removed or replaced: no events are kept", fix)
