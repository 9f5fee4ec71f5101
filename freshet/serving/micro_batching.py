"""Micro-batching: one thread processes all queued work as one batch each time it is free."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from freshet.serving.errors import busy_error

Work = TypeVar("Work")
Result = TypeVar("Result")


class MicroBatchThread(Generic[Work, Result]):
    """A thread with a bounded queue; each piece of work has a future for its result.

    label: the queued work in error messages. process: returns one result or exception for each piece of a batch; it
    must not raise.
    """

    def __init__(
        self,
        name: str,
        process: Callable[[Sequence[Work]], Sequence[Result | Exception]],
        *,
        label: str,
        max_waiting: int,
        max_batch: int,
    ) -> None:
        self._process, self._label, self._max_waiting, self._max_batch = process, label, max_waiting, max_batch
        self._queue: SimpleQueue[tuple[Work, Future[Result]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Process the work that waits, then end the thread."""
        self._queue.put(None)
        self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def submit(self, work: Work) -> Future[Result]:
        """Queue the work and return the future of its result. Raises RequestError (503) when the queue is full."""
        if self._queue.qsize() >= self._max_waiting:
            raise busy_error(f"{self._max_waiting:,} {self._label} wait")
        future: Future[Result] = Future()
        self._queue.put((work, future))
        return future

    def _run(self) -> None:
        for batch in self._batches():
            # Work whose client has disconnected is dropped; from here on its future can no longer be cancelled.
            running = [(work, future) for work, future in batch if future.set_running_or_notify_cancel()]
            results = self._process([work for work, _ in running]) if running else ()
            for (_, future), result in zip(running, results, strict=True):
                if isinstance(result, Exception):
                    future.set_exception(result)
                else:
                    future.set_result(result)

    def _batches(self) -> Iterator[list[tuple[Work, Future[Result]]]]:
        while (first := self._queue.get()) is not None:
            batch = [first]
            while len(batch) < self._max_batch:
                try:
                    queued = self._queue.get_nowait()
                except Empty:
                    break
                if queued is None:  # stopped: process this batch, then end
                    yield batch
                    return
                batch.append(queued)
            yield batch
