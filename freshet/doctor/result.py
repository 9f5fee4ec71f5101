"""The result of a check of `freshet doctor`, and the capabilities that it affects."""

from dataclasses import dataclass
from typing import Final, Literal, Self, get_args

from freshet.errors import FreshetError

CheckStatus = Literal["ok", "missing", "wrong"]
Capability = Literal["pipeline", "training", "gateway"]
CAPABILITIES: Final[tuple[Capability, ...]] = get_args(Capability)


@dataclass(frozen=True)
class CheckResult:
    """One line of the report.

    affects: the capabilities that do not work if the status is `wrong`, and are limited if it is `missing`.
    """

    component: str
    status: CheckStatus
    message: str
    fix: str = ""
    affects: tuple[Capability, ...] = ()

    @classmethod
    def from_error(cls, component: str, error: FreshetError, affects: tuple[Capability, ...]) -> Self:
        """Return a result `wrong` with the error's message and fix."""
        return cls(component, "wrong", f"{error.where}: {error.what}", error.fix, affects)
