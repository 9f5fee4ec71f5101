"""What was refused before it was read: counted each time, said in the log once a minute."""

import logging
import threading
from collections import Counter
from collections.abc import Callable
from typing import Final

from freshet.serving.metrics import Metrics

LOG = logging.getLogger("freshet")
PAUSE: Final = 60.0  # seconds between two lines of the log
ROUTE: Final = "unread"  # of such requests in `freshet_requests_total`: their address is not known, or not trusted


class Refusals:
    """A client that sends nothing but rubbish shall not fill the log. steady: seconds."""

    def __init__(self, metrics: Metrics, steady: Callable[[], float]) -> None:
        self._metrics, self._steady = metrics, steady
        self._lock = threading.Lock()
        self._since: Counter[str] = Counter()  # not yet in the log
        self._next = float("-inf")

    def add(self, status: int, what: str) -> None:
        """One request, refused with `status`. what: the reason, for people."""
        self._metrics.requests.labels(ROUTE, str(status)).inc()
        with self._lock:
            self._since[f"{status}: {what}"] += 1
        self.log(self._steady())

    def log(self, now: float) -> None:
        """Say what has been refused since the last line, where that is a minute ago. now: steady, infinite at the end.

        Also called by the sealer's tick: the last of a minute's refusals may be the last for hours.
        """
        with self._lock:
            if not self._since or now < self._next:
                return
            self._next = now + PAUSE
            reasons = "; ".join(f"{count:,} × {reason}" for reason, count in self._since.most_common())
            self._since.clear()
        LOG.warning("requests refused unread: %s", reasons)
