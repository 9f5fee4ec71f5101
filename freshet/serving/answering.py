"""One thread answers: whatever waits is answered together, from one release, so that no answer mixes two."""

import sqlite3
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Final

from freshet.serving.current import Current
from freshet.serving.groups import Groups
from freshet.serving.ledger_file import connect
from freshet.serving.problems import told
from freshet.serving.replies import Answered, Asking, replies
from freshet.serving.writer import Writer

TOGETHER: Final = 16  # questions answered at once
QUEUED: Final = 1024  # questions that may wait

Waiting = tuple[Asking, "Future[Answered]"]


class Answering:
    """Asks the ledger and the lake what is known of a shopper, and the release that serves what to show them."""

    def __init__(self, writer: Writer, current: Current) -> None:
        self._reader, self._writer, self._current = connect(writer.folder), writer, current
        self._groups: Groups[Waiting] = Groups("questions", QUEUED, TOGETHER)
        self._thread = threading.Thread(target=self._run, name="answering", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer what waits, then end."""
        self._groups.end()
        self._thread.join()
        self._reader.close()

    @property
    def alive(self) -> bool:
        """Whether it still answers."""
        return self._thread.is_alive()

    def ask(self, asking: Asking) -> "Future[Answered]":
        """Raises RequestError (503) when too many questions wait."""
        future: Future[Answered] = Future()
        self._groups.put((asking, future))
        return future

    def _run(self) -> None:
        for group in self._groups:
            waiting = [(asking, future) for asking, future in group if future.set_running_or_notify_cancel()]
            results = self._results([asking for asking, _ in waiting])
            for (_, future), result in zip(waiting, results, strict=True):
                if isinstance(result, Answered):
                    future.set_result(result)
                else:
                    future.set_exception(result)

    def _results(self, askings: Sequence[Asking]) -> Sequence[Answered | Exception]:
        """An answer or a reason for each; the references are read once."""
        serving, known = self._current.serving, self._current.known
        if serving is None:
            return [self._current.nothing_serves()] * len(askings)
        try:
            try:
                return replies(serving, known, self._reader, askings)
            except sqlite3.Error as error:  # the lake's histories and what comes with the question are there still
                self._writer.meant(error)
                return replies(serving, known, None, askings)
        except Exception as error:  # noqa: BLE001 - the edge of the thread: it must outlive any question
            return [told(error)] * len(askings)
