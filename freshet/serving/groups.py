"""Work handed from one thread to another, taken in groups: whatever waits when the worker is free."""

from collections.abc import Iterator
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from freshet.serving.problems import too_busy

T = TypeVar("T")


class Groups(Generic[T]):
    """A bounded queue whose one reader gets groups of at most `together`. what: the waiting ones, for people."""

    def __init__(self, what: str, waiting: int, together: int) -> None:
        self._what, self._waiting, self._together = what, waiting, together
        self._queue: SimpleQueue[T | None] = SimpleQueue()

    def put(self, work: T) -> None:
        """Raises RequestError (503) when too much waits."""
        if self._queue.qsize() >= self._waiting:
            raise too_busy(f"{self._waiting:,} {self._what} wait")
        self._queue.put(work)

    def end(self) -> None:
        """What was put before comes out still, then the reader's loop ends."""
        self._queue.put(None)

    def __iter__(self) -> Iterator[list[T]]:
        while (first := self._queue.get()) is not None:
            group, ended = self._group(first)
            yield group
            if ended:
                return

    def _group(self, first: T) -> tuple[list[T], bool]:
        """What waits now, and whether the end was asked for meanwhile."""
        group = [first]
        while len(group) < self._together:
            try:
                following = self._queue.get_nowait()
            except Empty:
                break
            if following is None:
                return group, True
            group.append(following)
        return group, False
