"""Log Spark's progress every few seconds while it is busy."""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from py4j.protocol import Py4JError

if TYPE_CHECKING:
    from pyspark import SparkContext, SparkStageInfo

POLL_INTERVAL_S: Final = 1.0
MIN_LINE_INTERVAL_S: Final = 3.0  # between two lines; shorter work is not logged at all
MAX_LINE_INTERVAL_S: Final = 10.0  # between two lines of long work

log = logging.getLogger("freshet")


@dataclass
class LogThrottle:
    """When to log a line: after three seconds of work, then at growing intervals. Times in seconds."""

    busy_since: float | None = None
    last_busy: float = 0.0
    last_logged: float = 0.0
    interval: float = MIN_LINE_INTERVAL_S

    def is_due(self, now: float, *, busy: bool) -> bool:
        """Return whether to log a line now. Work that follows within MIN_LINE_INTERVAL_S is the same work."""
        if not busy:
            if now - self.last_busy > MIN_LINE_INTERVAL_S:
                self.busy_since, self.interval = None, MIN_LINE_INTERVAL_S
            return False
        self.last_busy = now
        if self.busy_since is None:
            self.busy_since = self.last_logged = now
        if now - self.last_logged < self.interval:
            return False
        self.last_logged, self.interval = now, min(MAX_LINE_INTERVAL_S, self.interval + 1)
        return True


def progress_line(stages: Sequence["SparkStageInfo"]) -> str:
    """Return `Spark: 12 of 200 tasks done, 2 running`."""
    done, total, active = (
        sum(numbers)
        for numbers in zip(*((s.numCompletedTasks, s.numTasks, s.numActiveTasks) for s in stages), strict=True)
    )
    return f"Spark: {done:,} of {total:,} task{'s' * (total != 1)} done, {active} running"


def start_progress_thread(context: "SparkContext") -> threading.Thread:
    """Start a thread that logs Spark's progress until the session ends."""
    thread = threading.Thread(target=_log_progress, args=(context,), name="freshet-spark-progress", daemon=True)
    thread.start()
    return thread


def _log_progress(context: "SparkContext") -> None:
    tracker, throttle = context.statusTracker(), LogThrottle()
    while True:
        time.sleep(POLL_INTERVAL_S)
        try:
            infos = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
        except (Py4JError, OSError, AttributeError):  # the session has ended
            return
        stages = [info for info in infos if info is not None]
        if throttle.is_due(time.monotonic(), busy=bool(stages)):
            log.info(progress_line(stages))
