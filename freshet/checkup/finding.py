"""One line of what `freshet doctor` prints."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "missing", "wrong"]


@dataclass(frozen=True)
class Finding:
    """One line of the table. `missing` slows down or limits; `wrong` stops something."""

    part: str
    state: State
    found: str
    fix: str = ""
