"""Limits of the anomaly checks: how many times further than usual a day may deviate (FRESHET_ANOMALY_LIMITS)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from freshet.errors import SettingsError

LIMITS_SETTING: Final = "FRESHET_ANOMALY_LIMITS"
DISABLED: Final = "off"
LIMITS_EXAMPLE: Final = "write it as volume:2:5,prices:off"


@dataclass(frozen=True)
class Limit:
    """Two factors: a deviation above `warn` is a warning, one above `refuse` refuses the day."""

    warn: float
    refuse: float


# Check → its factors, chosen on Online Retail and the simulated shop: docs/gates.md, `python -m benchmarks.bad_days`.
DEFAULT_LIMITS: Final[Mapping[str, Limit | None]] = {
    "volume": Limit(1.4, 5),
    "skipped": Limit(3, 10),
    "duplicates": Limit(3, 10),
    "event_types": Limit(2, 3),
    "users": Limit(2, 4),
    "shoppers": Limit(2.5, 4),
    "sessions": Limit(2, 5),
    "items": Limit(3, 8),
    "item_names": Limit(3, 8),
    "prices": Limit(2, 5),
    "quantities": Limit(3, 10),
    "moments": Limit(3, 10),
}


def parse_limits(text: str) -> dict[str, Limit | None]:
    """Return the limits of `volume:2:5,prices:off` over the defaults; None for a check that is off.

    Raises SettingsError, which names the wrong entry.
    """
    overrides: dict[str, Limit | None] = {}
    for entry in (part.strip() for part in text.split(",") if part.strip()):
        name, _, factors = (part.strip() for part in entry.partition(":"))
        if name not in DEFAULT_LIMITS:
            raise SettingsError(
                LIMITS_SETTING,
                f"{entry!r} names no anomaly check ({', '.join(DEFAULT_LIMITS)})",
                LIMITS_EXAMPLE,
            )
        if name in overrides:
            raise SettingsError(LIMITS_SETTING, f"{name} is set twice", "set it once")
        overrides[name] = None if factors == DISABLED else _parse_limit(entry, factors)
    return {**DEFAULT_LIMITS, **overrides}


def format_limits(limits: Mapping[str, Limit | None]) -> str:
    """Return the limits as text for the setting."""
    factors = {
        name: DISABLED if limit is None else f"{limit.warn:g}:{limit.refuse:g}" for name, limit in limits.items()
    }
    return ",".join(f"{name}:{text}" for name, text in factors.items())


def _parse_limit(entry: str, factors: str) -> Limit:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*:\s*(\d+(?:\.\d+)?)", factors)
    if match is None:
        raise SettingsError(LIMITS_SETTING, f"{entry!r} does not have two factors", LIMITS_EXAMPLE)
    warn, refuse = (float(factor) for factor in match.groups())
    if not 1 < warn < refuse:
        raise SettingsError(LIMITS_SETTING, f"{entry!r}: the factors must be 1 < warn < refuse", LIMITS_EXAMPLE)
    return Limit(warn, refuse)
