"""What Spark is doing, said every few seconds while it is busy: a year of days takes minutes."""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from py4j.protocol import Py4JError

if TYPE_CHECKING:
    from pyspark import SparkContext, SparkStageInfo

LOOK: Final = 1.0  # seconds between two looks
PAUSE: Final = 3.0  # seconds: work shorter than that is not worth a line, and so much apart are two lines at least
MOST: Final = 10.0  # seconds between two lines of long work

log = logging.getLogger("freshet")


@dataclass
class Pace:
    """When to say something: after a moment of work, then less and less often. Times in seconds."""

    busy_since: float | None = None
    last_busy: float = 0.0
    said: float = 0.0
    wait: float = PAUSE

    def due(self, now: float, *, busy: bool) -> bool:
        """Whether to say now what is being done. Work that follows within a moment is the same work."""
        if not busy:
            if now - self.last_busy > PAUSE:
                self.busy_since, self.wait = None, PAUSE
            return False
        self.last_busy = now
        if self.busy_since is None:
            self.busy_since = self.said = now
        if now - self.said < self.wait:
            return False
        self.said, self.wait = now, min(MOST, self.wait + 1)
        return True


def sentence(stages: Sequence["SparkStageInfo"]) -> str:
    """`Spark: 12 of 200 tasks done, 2 at work`."""
    done, every, active = (
        sum(numbers)
        for numbers in zip(*((s.numCompletedTasks, s.numTasks, s.numActiveTasks) for s in stages), strict=True)
    )
    return f"Spark: {done:,} of {every:,} task{'s' * (every != 1)} done, {active} at work"


def follow(context: "SparkContext") -> threading.Thread:
    """A thread that logs what Spark is doing until the session ends."""
    thread = threading.Thread(target=_follow, args=(context,), name="freshet-spark-progress", daemon=True)
    thread.start()
    return thread


def _follow(context: "SparkContext") -> None:
    tracker, pace = context.statusTracker(), Pace()
    while True:
        time.sleep(LOOK)
        try:
            infos = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
        except (Py4JError, OSError, AttributeError):  # the session has ended, and with it what could be asked
            return
        stages = [info for info in infos if info is not None]
        if pace.due(time.monotonic(), busy=bool(stages)):
            log.info(sentence(stages))
