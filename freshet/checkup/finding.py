"""One line of what `freshet doctor` prints, and what it means for the three things that Freshet does."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

State = Literal["ok", "missing", "wrong"]
Work = Literal["pipeline", "training", "gateway"]
ALL: Final[tuple[Work, ...]] = get_args(Work)


@dataclass(frozen=True)
class Finding:
    """One line of the table.

    touches: the work that it stops where it is `wrong`, and limits where it is `missing`.
    """

    part: str
    state: State
    found: str
    fix: str = ""
    touches: tuple[Work, ...] = ()
