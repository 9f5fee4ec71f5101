"""What was refused before it was read: counted each time, said in the log once a minute."""

import logging
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
        self._since: Counter[str] = Counter()  # not yet in the log
        self._next = float("-inf")

    def add(self, status: int, what: str) -> None:
        """One request, refused with `status`. what: the reason, for people."""
        self._metrics.requests.labels(ROUTE, str(status)).inc()
        self._since[f"{status}: {what}"] += 1
        if self._steady() < self._next:
            return
        self._next = self._steady() + PAUSE
        reasons = "; ".join(f"{count:,} × {reason}" for reason, count in self._since.most_common())
        LOG.warning("requests refused unread: %s", reasons)
        self._since.clear()
