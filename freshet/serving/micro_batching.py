"""Work handed from one thread to another, taken in groups: whatever waits when the worker is free."""

from collections.abc import Iterator
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from freshet.serving.http.errors import busy_error

T = TypeVar("T")


class MicroBatchQueue(Generic[T]):
    """A bounded queue whose one reader gets groups of at most `together`. what: the waiting ones, for people."""

    def __init__(self, label: str, max_waiting: int, max_batch: int) -> None:
        self._label, self._max_waiting, self._max_batch = label, max_waiting, max_batch
        self._queue: SimpleQueue[T | None] = SimpleQueue()

    def put(self, work: T) -> None:
        """Raises RequestError (503) when too much waits."""
        if self._queue.qsize() >= self._max_waiting:
            raise busy_error(f"{self._max_waiting:,} {self._label} wait")
        self._queue.put(work)

    def close(self) -> None:
        """What was put before comes out still, then the reader's loop ends."""
        self._queue.put(None)

    def __iter__(self) -> Iterator[list[T]]:
        while (first := self._queue.get()) is not None:
            batch, is_closed = self._take_batch(first)
            yield batch
            if is_closed:
                return

    def _take_batch(self, first: T) -> tuple[list[T], bool]:
        """What waits now, and whether the end was asked for meanwhile."""
        batch = [first]
        while len(batch) < self._max_batch:
            try:
                next_work = self._queue.get_nowait()
            except Empty:
                break
            if next_work is None:
                return batch, True
            batch.append(next_work)
        return batch, False
