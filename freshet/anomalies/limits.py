"""How far from usual a day may be: a factor from which it is warned of and one from which it is refused, per truth."""

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
    """Factors: a day that is `warn` times off is warned of, one that is `refuse` times off is refused."""

    warn: float
    refuse: float


# Set on Online Retail and the simulated shop: docs/gates.md, `python -m benchmarks.bad_days`.
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
    """`volume:2:5,prices:off` over the defaults; None for a truth that is not judged.

    Raises SettingsError naming the entry that is wrong.
    """
    overrides: dict[str, Limit | None] = {}
    for entry in (part.strip() for part in text.split(",") if part.strip()):
        name, _, factors = (part.strip() for part in entry.partition(":"))
        if name not in DEFAULT_LIMITS:
            raise SettingsError(
                LIMITS_SETTING,
                f"{entry!r} names nothing that is compared ({', '.join(DEFAULT_LIMITS)})",
                LIMITS_EXAMPLE,
            )
        if name in overrides:
            raise SettingsError(LIMITS_SETTING, f"{name} stands twice", "name it once")
        overrides[name] = None if factors == DISABLED else _parse_limit(entry, factors)
    return {**DEFAULT_LIMITS, **overrides}


def format_limits(limits: Mapping[str, Limit | None]) -> str:
    """The limits as they stand in the settings."""
    factors = {
        name: DISABLED if limit is None else f"{limit.warn:g}:{limit.refuse:g}" for name, limit in limits.items()
    }
    return ",".join(f"{name}:{text}" for name, text in factors.items())


def _parse_limit(entry: str, factors: str) -> Limit:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*:\s*(\d+(?:\.\d+)?)", factors)
    if match is None:
        raise SettingsError(LIMITS_SETTING, f"{entry!r} has no two factors", LIMITS_EXAMPLE)
    warn, refuse = (float(factor) for factor in match.groups())
    if not 1 < warn < refuse:
        raise SettingsError(LIMITS_SETTING, f"{entry!r}: 1 < warn < refuse should hold", LIMITS_EXAMPLE)
    return Limit(warn, refuse)
