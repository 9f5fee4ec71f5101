"""What a stage that makes one thing comes back with: the judgement always, the reference only if it passed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

from freshet.gates.judging import check_rules
from freshet.gates.rules import GateReport
from freshet.gates.suites import suite
from freshet.settings import Settings

Ref = TypeVar("Ref", bound=BaseModel)
Value = TypeVar("Value")


@dataclass(frozen=True)
class StepResult(Generic[Value, Ref]):
    """`made` is what was made, for pictures and tables; `ref` is None where the gate refused it."""

    gate: GateReport
    value: Value
    ref: Ref | None

    def message(self) -> str:
        """One line per finding that stops: `bundle: fp32 shares …; …`."""
        return "\n".join(
            f"{self.gate.subject}: {message}"
            for messages in self.gate.refusal_reasons().values()
            for message in messages
        )


def run_gate(subject: str, profile: Mapping[str, object], settings: Settings) -> GateReport:
    """Hold a profile of one row against the suite of that name."""
    import pandas as pd

    return check_rules(
        subject, pd.DataFrame([profile], index=pd.Index([subject], name="where")), suite(subject, settings)
    )
