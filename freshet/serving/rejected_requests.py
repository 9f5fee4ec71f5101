"""Requests rejected by the HTTP protocol before they were read: counted, and logged once a minute."""

import logging
import threading
from collections import Counter
from collections.abc import Callable
from typing import Final

from freshet.serving.metrics import GatewayMetrics

LOG = logging.getLogger("freshet")
LOG_INTERVAL_S: Final = 60.0  # seconds between two lines of the log
UNREAD_ROUTE: Final = "unread"  # their route in `freshet_requests_total`: the address is unknown or not trusted


class RejectedRequestLog:
    """Counts rejected requests; limits the log lines, so that a client cannot fill the log. monotonic: seconds."""

    def __init__(self, metrics: GatewayMetrics, monotonic: Callable[[], float]) -> None:
        self._metrics, self._monotonic = metrics, monotonic
        self._lock = threading.Lock()
        self._unlogged: Counter[str] = Counter()  # not yet in the log
        self._next_log = float("-inf")

    def add(self, status: int, what: str) -> None:
        """Count one request that was rejected with `status`. what: the reason."""
        self._metrics.requests.labels(UNREAD_ROUTE, str(status)).inc()
        with self._lock:
            self._unlogged[f"{status}: {what}"] += 1
        self.log(self._monotonic())

    def log(self, now: float) -> None:
        """Log the requests rejected since the last line, if that is a minute ago. now: monotonic; infinite at the end.

        The flusher calls it, too: otherwise the last rejections would be logged only at the next one.
        """
        with self._lock:
            if not self._unlogged or now < self._next_log:
                return
            self._next_log = now + LOG_INTERVAL_S
            reasons = "; ".join(f"{count:,} × {reason}" for reason, count in self._unlogged.most_common())
            self._unlogged.clear()
        LOG.warning("requests rejected unread: %s", reasons)
