"""The gateway's clock: strictly increasing, with detection of jumps of the machine's clock."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from freshet.data.day_numbers import day_from_number

MAX_CLOCK_DRIFT_S: Final = 2.0  # a larger difference between the two clocks is a jump, not slewing or scheduling delay
MAX_TRUSTED_JUMP_S: Final = 86_400.0  # a larger jump forward is likely an error
JUMP_CONFIRMATION_S: Final = 600.0  # a larger jump is accepted after it has lasted this long
JUMP_REPORT_S: Final = 3600.0  # how long a jump is shown in /readyz
MICROS_PER_SECOND: Final = 1_000_000
MICROS_PER_DAY: Final = 86_400 * MICROS_PER_SECOND
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ClockJump:
    """A jump of the machine's clock. seconds: its size (negative: back). noticed_at: monotonic seconds."""

    seconds: float
    noticed_at: float

    def message(self) -> str:
        """Return the jump as text."""
        direction = "forward" if self.seconds > 0 else "back"
        return f"the machine's clock jumped {direction} by {abs(self.seconds):,.0f} s"


class Clock:
    """Strictly increasing wall time, in microseconds since 1970.

    If the machine's clock is set forward by up to a day, this clock follows at once; a larger jump is followed only
    after it has lasted for ten minutes, until then the monotonic clock counts. If it is set back, this clock advances
    by a microsecond per reading until the machine's clock has caught up. A restart takes the machine's clock as it is.
    """

    def __init__(self, wall: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._lock = threading.Lock()
        self._last_reading = 0
        self._offset = wall() - monotonic()
        self._jump: ClockJump | None = None
        self._suspect_jump: ClockJump | None = None  # a jump that is too large to follow at once, as first noticed

    def now(self) -> int:
        """Return microseconds since 1970, more than at every earlier reading."""
        with self._lock:
            monotonic = self._monotonic()
            drift = self._wall() - monotonic - self._offset
            if abs(drift) > MAX_CLOCK_DRIFT_S:
                self._jump = ClockJump(drift, monotonic)
            is_suspect = self._is_suspect(drift, monotonic)
            if abs(drift) > MAX_CLOCK_DRIFT_S / 4 and not is_suspect:  # follow slow drift and slewing without a report
                self._offset += drift
                drift = 0.0
            seconds = monotonic + self._offset + (0.0 if is_suspect else drift)
            self._last_reading = max(int(seconds * MICROS_PER_SECOND), self._last_reading + 1)
            return self._last_reading

    def _is_suspect(self, drift: float, monotonic: float) -> bool:
        """Whether the machine's clock is too far ahead, and not yet for long enough to be accepted."""
        if drift <= MAX_TRUSTED_JUMP_S:
            self._suspect_jump = None
            return False
        if self._suspect_jump is None or abs(self._suspect_jump.seconds - drift) > MAX_CLOCK_DRIFT_S:
            self._suspect_jump = ClockJump(drift, monotonic)
        return monotonic - self._suspect_jump.noticed_at < JUMP_CONFIRMATION_S

    def monotonic(self) -> float:
        """Return seconds of a clock that cannot be set: for pauses and durations."""
        return self._monotonic()

    def recent_jump(self) -> ClockJump | None:
        """Return the last jump if it is recent or still has an effect, else None."""
        self.now()
        with self._lock:
            is_recent = self._jump is not None and self._monotonic() - self._jump.noticed_at < JUMP_REPORT_S
            return self._jump if is_recent or abs(self._skew()) > MAX_CLOCK_DRIFT_S else None

    def skew(self) -> float:
        """Return how many seconds the gateway's time is ahead of the machine's (negative: behind); normally 0."""
        with self._lock:
            return self._skew()

    def _skew(self) -> float:
        return round(self._last_reading / MICROS_PER_SECOND - self._wall(), 3)  # readings in between take microseconds


def system_clock() -> Clock:
    """Return the clock of this machine; its monotonic time includes suspend."""
    clock_id = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return Clock(time.time, lambda: time.clock_gettime(clock_id))


def iso(micros: int) -> str:
    """Return `2026-01-05T12:00:00.123456Z`."""
    return (EPOCH + timedelta(microseconds=micros)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def to_micros(timestamp: datetime) -> int:
    """Return microseconds since 1970 of a timestamp with a time zone."""
    return (timestamp - EPOCH) // timedelta(microseconds=1)


def day_of(micros: int) -> int:
    """Return the UTC day, in days since 1970."""
    return micros // MICROS_PER_DAY


def iso_date(day: int) -> str:
    """Return `2026-01-05`."""
    return str(day_from_number(day))
