"""The gateway's clock: never goes backwards, and notices when the machine's clock jumps."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from freshet.data.day_numbers import day_from_number

MAX_CLOCK_DRIFT_S: Final = (
    2.0  # seconds between the two clocks that are more than slewing and waiting for the processor
)
MAX_TRUSTED_JUMP_S: Final = 86_400.0  # seconds: a clock set further forward than that is more likely broken than right
JUMP_CONFIRMATION_S: Final = 600.0  # seconds after which a jump of more than that is believed, if it stays
JUMP_REPORT_S: Final = 3600.0  # seconds for which a jump stands in /readyz
MICROS_PER_SECOND: Final = 1_000_000  # microseconds
MICROS_PER_DAY: Final = 86_400 * MICROS_PER_SECOND
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ClockJump:
    """The machine's clock was set: by so many seconds (negative: back), noticed at this monotonic time."""

    seconds: float
    noticed_at: float

    def message(self) -> str:
        """For people."""
        direction = "forward" if self.seconds > 0 else "back"
        return f"the machine's clock jumped {direction} by {abs(self.seconds):,.0f} s"


class Clock:
    """Wall time that never goes backwards while it runs, in microseconds since 1970.

    Where the machine's clock is set forward, up to a day is followed at once; more only after it has stayed so for ten
    minutes, in which the steady clock goes on counting. Where it is set back, the gateway's time stands still, a
    microsecond a reading, until the machine's clock has caught up. A restart takes the machine's clock as it then is.
    """

    def __init__(self, wall: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._lock = threading.Lock()
        self._last_reading = 0
        self._offset = wall() - monotonic()
        self._jump: ClockJump | None = None
        self._suspect_jump: ClockJump | None = None  # a jump too far to be believed at once, as it was first seen

    def now(self) -> int:
        """Microseconds since 1970, more than at every reading before."""
        with self._lock:
            monotonic = self._monotonic()
            drift = self._wall() - monotonic - self._offset
            if abs(drift) > MAX_CLOCK_DRIFT_S:
                self._jump = ClockJump(drift, monotonic)
            is_suspect = self._is_suspect(drift, monotonic)
            if abs(drift) > MAX_CLOCK_DRIFT_S / 4 and not is_suspect:  # slow drift and slewing are followed quietly
                self._offset += drift
                drift = 0.0
            seconds = monotonic + self._offset + (0.0 if is_suspect else drift)
            self._last_reading = max(int(seconds * MICROS_PER_SECOND), self._last_reading + 1)
            return self._last_reading

    def _is_suspect(self, drift: float, monotonic: float) -> bool:
        """Whether the machine's clock is too far ahead, and has not been so by as much for long enough."""
        if drift <= MAX_TRUSTED_JUMP_S:
            self._suspect_jump = None
            return False
        if self._suspect_jump is None or abs(self._suspect_jump.seconds - drift) > MAX_CLOCK_DRIFT_S:
            self._suspect_jump = ClockJump(drift, monotonic)
        return monotonic - self._suspect_jump.noticed_at < JUMP_CONFIRMATION_S

    def monotonic(self) -> float:
        """Seconds that nobody can set: for pauses and durations."""
        return self._monotonic()

    def recent_jump(self) -> ClockJump | None:
        """The last jump, for as long as it is worth telling."""
        self.now()
        with self._lock:
            is_recent = self._jump is not None and self._monotonic() - self._jump.noticed_at < JUMP_REPORT_S
            return self._jump if is_recent or abs(self._skew()) > MAX_CLOCK_DRIFT_S else None

    def skew(self) -> float:
        """Seconds that the gateway's time is ahead of the machine's (negative: behind); 0 in ordinary times."""
        with self._lock:
            return self._skew()

    def _skew(self) -> float:
        return round(self._last_reading / MICROS_PER_SECOND - self._wall(), 3)  # readings in between take microseconds


def system_clock() -> Clock:
    """The clock of this machine; time asleep counts as time."""
    clock_id = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return Clock(time.time, lambda: time.clock_gettime(clock_id))


def iso(micros: int) -> str:
    """`2026-01-05T12:00:00.123456Z`."""
    return (EPOCH + timedelta(microseconds=micros)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def to_micros(timestamp: datetime) -> int:
    """Microseconds since 1970 of a moment with a time zone."""
    return (timestamp - EPOCH) // timedelta(microseconds=1)


def day_of(micros: int) -> int:
    """The UTC day, days since 1970."""
    return micros // MICROS_PER_DAY


def iso_date(day: int) -> str:
    """`2026-01-05`."""
    return str(day_from_number(day))
