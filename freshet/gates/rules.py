"""One rule of a gate: a truth about a column of a profile, with what to do where it does not hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Rule:
    """`column` of the profile lies between `least` and `most`; an empty value is not judged.

    says: the finding, a format string over the profile's row and `limit`, e.g. "{without_item} of {rows} rows have no
    item_id".
    warn_most: a value above it is warned of even where it is not above `most`.
    pardon: a column of the profile; where it is not 0, what the rule finds is a warning.
    fix: what to do about it; `{where}` in it stands for the row's name.
    severity `error`: nothing is published and the run fails; `hold`: nothing is published, and the run goes on without
    it, for it is no error; `warn`: is shown, stops nothing.
    """

    name: str
    column: str
    message_template: str
    fix: str
    min_value: float | None = None
    max_value: float | None = None
    severity: Literal["error", "hold", "warn"] = "error"
    warn_above: float | None = None
    waiver_column: str | None = None

    @property
    def warn_threshold(self) -> float | None:
        """The highest value that nothing is said of."""
        return self.max_value if self.warn_above is None else self.warn_above

    def blocks(self, row: Mapping[str, Any]) -> bool:
        """Whether one row of the profile keeps it from being published; a row within the bounds does not."""
        value = row[self.column]
        if self.severity == "warn" or value is None or value != value:
            return False
        outside = (self.min_value is not None and value < self.min_value) or (
            self.max_value is not None and value > self.max_value
        )
        return bool(outside and not (self.waiver_column and row[self.waiver_column]))

    def format_message(self, row: Mapping[str, Any]) -> str:
        """What to say about one row of the profile that breaks the rule."""
        bound = self.min_value if self.min_value is not None else self.max_value
        return self.message_template.format_map({**row, "limit": f"{bound:g}"})

    @property
    def bounds_text(self) -> str:
        """The rule in words of its own: `bad_share ≤ 0.05`."""
        parts = []
        if self.min_value is not None:
            parts.append(f"≥ {self.min_value:g}")
        if self.max_value is not None:
            parts.append(f"≤ {self.max_value:g}")
        warning = "" if self.warn_above is None else f", warning above {self.warn_above:g}"
        return f"{self.column} {' and '.join(parts)}{warning}"


@dataclass(frozen=True)
class Violation:
    """One row of the profile that breaks a rule: a day, or the one row of a table, model or bundle."""

    where: str
    message: str
    is_blocking: bool = True  # False: a warning, whatever the severity of the rule


@dataclass(frozen=True)
class RuleResult:
    """What the gate found for one rule."""

    rule: Rule
    violations: tuple[Violation, ...]

    @property
    def passed(self) -> bool:
        return not self.violations

    @property
    def is_blocking(self) -> bool:
        """Whether something is kept from being published."""
        return self.rule.severity != "warn" and any(culprit.is_blocking for culprit in self.violations)

    def fix_for(self, violation: Violation) -> str:
        """What to do about one of the culprits."""
        return self.rule.fix.replace("{where}", violation.where)


@dataclass(frozen=True)
class GateReport:
    """What the gate found for all rules of a suite."""

    subject: str
    results: tuple[RuleResult, ...]

    @property
    def blocking_violations(self) -> tuple[tuple[RuleResult, Violation], ...]:
        """What stops a publication: the finding, and the day or the one row that it is about."""
        blocking = (finding for finding in self.results if finding.rule.severity != "warn")
        return tuple(
            (finding, culprit) for finding in blocking for culprit in finding.violations if culprit.is_blocking
        )

    def refusal_reasons(self) -> dict[str, list[str]]:
        """Where → findings, for everything that stops a publication."""
        reasons: dict[str, list[str]] = {}
        for result, violation in self.blocking_violations:
            reasons.setdefault(violation.where, []).append(f"{violation.message}; {result.fix_for(violation)}")
        return reasons

    @property
    def has_errors(self) -> bool:
        """Whether what was found is somebody's fault, and not only too early."""
        return any(finding.rule.severity == "error" and finding.is_blocking for finding in self.results)
