"""A rule of a gate, and the report of a gate: which rows of the profile break which rule."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

BUG_FIX: Final = "this is a bug in Freshet, not a fault of your data: keep the lake as it is and report the bug"


@dataclass(frozen=True)
class Rule:
    """A bound on one column of a profile: `min_value` ≤ value ≤ `max_value`. An empty value is not checked.

    message_template: the message about a row that breaks the rule, a format string over the row of the profile and
    `limit`, e.g. "{without_item} of {rows} rows have no item_id". It stands here only: docs and tests read it.
    warn_above: a value above it is a warning even if it is not above `max_value`.
    waiver_column: a column of the profile; in a row where it is not 0, a broken rule is only a warning.
    fix: how to correct it; `{where}` in it stands for the name of the row.
    severity: `error`: nothing is published and the run fails; `skip`: nothing is published and the run goes on
    without it, because it is not an error; `warn`: shown, blocks nothing.
    """

    name: str
    column: str
    message_template: str
    fix: str
    min_value: float | None = None
    max_value: float | None = None
    severity: Literal["error", "skip", "warn"] = "error"
    warn_above: float | None = None
    waiver_column: str | None = None

    @property
    def warn_threshold(self) -> float | None:
        """The highest value without a warning."""
        return self.max_value if self.warn_above is None else self.warn_above

    def blocks(self, row: Mapping[str, Any]) -> bool:
        """Return whether a row of the profile breaks the rule so that it is not published."""
        value = row[self.column]
        if self.severity == "warn" or value is None or value != value:
            return False
        outside = (self.min_value is not None and value < self.min_value) or (
            self.max_value is not None and value > self.max_value
        )
        return bool(outside and not (self.waiver_column and row[self.waiver_column]))

    def format_message(self, row: Mapping[str, Any]) -> str:
        """Return the message about a row of the profile that breaks the rule."""
        bound = self.min_value if self.min_value is not None else self.max_value
        return self.message_template.format_map({**row, "limit": f"{bound:g}"})

    @property
    def bounds_text(self) -> str:
        """The bound as text: `bad_share ≤ 0.05`."""
        parts = []
        if self.min_value is not None:
            parts.append(f"≥ {self.min_value:g}")
        if self.max_value is not None:
            parts.append(f"≤ {self.max_value:g}")
        warning = "" if self.warn_above is None else f", warning above {self.warn_above:g}"
        return f"{self.column} {' and '.join(parts)}{warning}"


def zero_rule(name: str, column: str, message_template: str, fix: str) -> Rule:
    """Return the rule that a count is 0; a row with another count is not published."""
    return Rule(name, column, message_template, fix, max_value=0)


@dataclass(frozen=True)
class Violation:
    """A row of the profile that breaks a rule: a day, or the only row of a table, model or bundle."""

    where: str
    message: str
    is_blocking: bool = True  # False: a warning, independent of the severity of the rule


@dataclass(frozen=True)
class RuleResult:
    """One rule and the rows that break it."""

    rule: Rule
    violations: tuple[Violation, ...]

    @property
    def passed(self) -> bool:
        return not self.violations

    @property
    def is_blocking(self) -> bool:
        """Whether a row is not published because of this rule."""
        return self.rule.severity != "warn" and any(violation.is_blocking for violation in self.violations)

    def fix_for(self, violation: Violation) -> str:
        """Return how to correct one of the violations."""
        return self.rule.fix.replace("{where}", violation.where)


@dataclass(frozen=True)
class GateReport:
    """The results of all rules of a suite."""

    subject: str
    results: tuple[RuleResult, ...]

    @property
    def blocking_violations(self) -> tuple[tuple[RuleResult, Violation], ...]:
        """The violations that prevent a publication, each with the result of its rule."""
        return tuple(
            (result, violation)
            for result in self.results
            if result.rule.severity != "warn"
            for violation in result.violations
            if violation.is_blocking
        )

    def refusal_reasons(self) -> dict[str, list[str]]:
        """Return row → messages with their fixes, for every row that is not published."""
        reasons: dict[str, list[str]] = {}
        for result, violation in self.blocking_violations:
            reasons.setdefault(violation.where, []).append(f"{violation.message}; {result.fix_for(violation)}")
        return reasons

    @property
    def has_errors(self) -> bool:
        """Whether a rule of severity `error` blocks a row; `skip` is not an error."""
        return any(result.rule.severity == "error" and result.is_blocking for result in self.results)
