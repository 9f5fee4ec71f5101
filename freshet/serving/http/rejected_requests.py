"""What was refused before it was read: counted each time, said in the log once a minute."""

import logging
import threading
from collections import Counter
from collections.abc import Callable
from typing import Final

from freshet.serving.metrics import GatewayMetrics

LOG = logging.getLogger("freshet")
LOG_INTERVAL_S: Final = 60.0  # seconds between two lines of the log
UNREAD_ROUTE: Final = (
    "unread"  # of such requests in `freshet_requests_total`: their address is not known, or not trusted
)


class RefusalLog:
    """A client that sends nothing but rubbish shall not fill the log. steady: seconds."""

    def __init__(self, metrics: GatewayMetrics, monotonic: Callable[[], float]) -> None:
        self._metrics, self._monotonic = metrics, monotonic
        self._lock = threading.Lock()
        self._unlogged: Counter[str] = Counter()  # not yet in the log
        self._next_log = float("-inf")

    def add(self, status: int, what: str) -> None:
        """One request, refused with `status`. what: the reason, for people."""
        self._metrics.requests.labels(UNREAD_ROUTE, str(status)).inc()
        with self._lock:
            self._unlogged[f"{status}: {what}"] += 1
        self.log(self._monotonic())

    def log(self, now: float) -> None:
        """Say what has been refused since the last line, where that is a minute ago. now: steady, infinite at the end.

        Also called by the sealer's tick: the last of a minute's refusals may be the last for hours.
        """
        with self._lock:
            if not self._unlogged or now < self._next_log:
                return
            self._next_log = now + LOG_INTERVAL_S
            reasons = "; ".join(f"{count:,} × {reason}" for reason, count in self._unlogged.most_common())
            self._unlogged.clear()
        LOG.warning("requests refused unread: %s", reasons)
