"""Timing of calls by the fastest of several repetitions, which other work on the machine disturbs least."""

import time
from collections.abc import Callable


def best_seconds(work: Callable[[], object], repeats: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of the fastest of `repeats` calls, after one call to warm up. clock: `thread_time` for processor time."""
    work()
    return min(_seconds(work, clock) for _ in range(repeats))


def _seconds(work: Callable[[], object], clock: Callable[[], float]) -> float:
    start = clock()
    work()
    return clock() - start
