"""The gateway's clock: never goes backwards, and notices when the machine's clock jumps."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

JUMP: Final = 2.0  # seconds between the two clocks that are more than slewing and waiting for the processor
FURTHEST: Final = 86_400.0  # seconds: a clock set further forward than that is more likely broken than right
BELIEVED: Final = 600.0  # seconds after which a jump of more than that is believed, if it stays
TOLD: Final = 3600.0  # seconds for which a jump stands in /readyz
SECOND: Final = 1_000_000  # microseconds
DAY: Final = 86_400 * SECOND
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Jump:
    """The machine's clock was set: by so many seconds (negative: back), noticed at this monotonic time."""

    seconds: float
    noticed: float

    def sentence(self) -> str:
        """For people."""
        way = "forward" if self.seconds > 0 else "back"
        return f"the machine's clock jumped {way} by {abs(self.seconds):,.0f} s"


class Clock:
    """Wall time that never goes backwards while it runs, in microseconds since 1970.

    Where the machine's clock is set forward, up to a day is followed at once; more only after it has stayed so for ten
    minutes, in which the steady clock goes on counting. Where it is set back, the gateway's time stands still, a
    microsecond a reading, until the machine's clock has caught up. A restart takes the machine's clock as it then is.
    """

    def __init__(self, wall: Callable[[], float], steady: Callable[[], float]) -> None:
        self._wall, self._steady = wall, steady
        self._lock = threading.Lock()
        self._last = 0
        self._offset = wall() - steady()
        self._jump: Jump | None = None
        self._doubted: Jump | None = None  # a jump too far to be believed at once, as it was first seen

    def now(self) -> int:
        """Microseconds since 1970, more than at every reading before."""
        with self._lock:
            steady = self._steady()
            drift = self._wall() - steady - self._offset
            if abs(drift) > JUMP:
                self._jump = Jump(drift, steady)
            doubtful = self._is_doubtful(drift, steady)
            if abs(drift) > JUMP / 4 and not doubtful:  # slow drift and slewing are followed quietly
                self._offset += drift
                drift = 0.0
            believed = steady + self._offset + (0.0 if doubtful else drift)
            self._last = max(int(believed * SECOND), self._last + 1)
            return self._last

    def _is_doubtful(self, drift: float, steady: float) -> bool:
        """Whether the machine's clock is too far ahead, and has not been so by as much for long enough."""
        if drift <= FURTHEST:
            self._doubted = None
            return False
        if self._doubted is None or abs(self._doubted.seconds - drift) > JUMP:
            self._doubted = Jump(drift, steady)
        return steady - self._doubted.noticed < BELIEVED

    def steady(self) -> float:
        """Seconds that nobody can set: for pauses and durations."""
        return self._steady()

    def jump(self) -> Jump | None:
        """The last jump, for as long as it is worth telling."""
        self.now()
        with self._lock:
            recent = self._jump is not None and self._steady() - self._jump.noticed < TOLD
            return self._jump if recent or abs(self._apart()) > JUMP else None

    def apart(self) -> float:
        """Seconds that the gateway's time is ahead of the machine's (negative: behind); 0 in ordinary times."""
        with self._lock:
            return self._apart()

    def _apart(self) -> float:
        return round(self._last / SECOND - self._wall(), 3)  # readings in between take microseconds


def system_clock() -> Clock:
    """The clock of this machine; time asleep counts as time."""
    sleepless = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return Clock(time.time, lambda: time.clock_gettime(sleepless))


def iso(micros: int) -> str:
    """`2026-01-05T12:00:00.123456Z`."""
    return (EPOCH + timedelta(microseconds=micros)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def micros_of(moment: datetime) -> int:
    """Microseconds since 1970 of a moment with a time zone."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def day_of(micros: int) -> int:
    """The UTC day, days since 1970."""
    return micros // DAY


def day_name(day: int) -> str:
    """`2026-01-05`."""
    return str(EPOCH.date() + timedelta(days=day))
