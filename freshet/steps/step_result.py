"""The result of a step: gate report, value, and the reference if the gate passed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

from freshet.gates.check_rules import check_rules
from freshet.gates.rules import GateReport
from freshet.gates.suites import suite
from freshet.settings import Settings

Ref = TypeVar("Ref", bound=BaseModel)
Value = TypeVar("Value")


@dataclass(frozen=True)
class StepResult(Generic[Value, Ref]):
    """`value` is shown on the asset's page; `ref` is published."""

    gate: GateReport
    value: Value
    ref: Ref | None  # None if the gate refused the value

    def message(self) -> str:
        """Return one line per rule that refuses the value: `bundle: fp32 shares …; …`; "" if it passed."""
        return "\n".join(
            f"{self.gate.subject}: {message}"
            for messages in self.gate.refusal_reasons().values()
            for message in messages
        )


def run_gate(subject: str, profile: Mapping[str, object], settings: Settings) -> GateReport:
    """Check a profile of one row against the rules of the suite `subject`."""
    import pandas as pd

    return check_rules(
        subject, pd.DataFrame([profile], index=pd.Index([subject], name="where")), suite(subject, settings)
    )


def store_if_passed(
    subject: str, profile: Mapping[str, object], settings: Settings, *, value: Value, store_artifact: Callable[[], Ref]
) -> StepResult[Value, Ref]:
    """Run the gate on the profile; if it passes, store the artifact and return its reference with the result."""
    gate = run_gate(subject, profile, settings)
    return StepResult(gate, value, None if gate.refusal_reasons() else store_artifact())
