"""What a stage that makes one thing comes back with: the judgement always, the reference only if it passed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

from freshet.gates.judging import judge
from freshet.gates.rules import Judgement
from freshet.gates.suites import suite
from freshet.settings import Settings

Ref = TypeVar("Ref", bound=BaseModel)
Made = TypeVar("Made")


@dataclass(frozen=True)
class Outcome(Generic[Made, Ref]):
    """`made` is what was made, for pictures and tables; `ref` is None where the gate refused it."""

    judgement: Judgement
    made: Made
    ref: Ref | None

    def message(self) -> str:
        """One line per finding that stops: `bundle: fp32 shares …; …`."""
        return "\n".join(f"{self.judgement.subject}: {why}" for all_ in self.judgement.bad().values() for why in all_)


def judged(subject: str, profile: Mapping[str, object], settings: Settings) -> Judgement:
    """Hold a profile of one row against the suite of that name."""
    import pandas as pd

    return judge(subject, pd.DataFrame([profile], index=pd.Index([subject], name="where")), suite(subject, settings))
