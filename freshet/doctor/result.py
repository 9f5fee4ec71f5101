"""One line of what `freshet doctor` prints, and what it means for the three things that Freshet does."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

CheckStatus = Literal["ok", "missing", "wrong"]
Capability = Literal["pipeline", "training", "gateway"]
CAPABILITIES: Final[tuple[Capability, ...]] = get_args(Capability)


@dataclass(frozen=True)
class CheckResult:
    """One line of the table.

    touches: the work that it stops where it is `wrong`, and limits where it is `missing`.
    """

    component: str
    status: CheckStatus
    message: str
    fix: str = ""
    affects: tuple[Capability, ...] = ()
