"""One rule of a gate: a truth about a column of a profile, with what to do where it does not hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Rule:
    """`column` of the profile lies between `least` and `most`; an empty value is not judged.

    says: the finding, a format string over the profile's row and `limit`, e.g. "{without_item} of {rows} rows have no
    item_id".
    fix: what to do about it. severity `error`: nothing is published and the run fails; `hold`: nothing is published,
    and the run goes on without it, for it is nobody's fault; `warn`: is shown, stops nothing.
    """

    name: str
    column: str
    says: str
    fix: str
    least: float | None = None
    most: float | None = None
    severity: Literal["error", "hold", "warn"] = "error"

    def finding(self, row: Mapping[str, Any]) -> str:
        """What to say about one row of the profile that breaks the rule."""
        bound = self.least if self.least is not None else self.most
        return self.says.format_map({**row, "limit": f"{bound:g}"})

    @property
    def limit(self) -> str:
        """The rule in words of its own: `bad_share ≤ 0.05`."""
        parts = []
        if self.least is not None:
            parts.append(f"≥ {self.least:g}")
        if self.most is not None:
            parts.append(f"≤ {self.most:g}")
        return f"{self.column} {' and '.join(parts)}"


@dataclass(frozen=True)
class Culprit:
    """One row of the profile that breaks a rule: a day, or the one row of a table, model or bundle."""

    where: str
    finding: str


@dataclass(frozen=True)
class Finding:
    """What the gate found for one rule."""

    rule: Rule
    culprits: tuple[Culprit, ...]

    @property
    def holds(self) -> bool:
        return not self.culprits


@dataclass(frozen=True)
class Judgement:
    """What the gate found for all rules of a suite."""

    subject: str
    findings: tuple[Finding, ...]

    def bad(self) -> dict[str, list[str]]:
        """Where → findings, for everything that stops a publication."""
        found: dict[str, list[str]] = {}
        for finding in self.findings:
            if finding.rule.severity != "warn":
                for culprit in finding.culprits:
                    found.setdefault(culprit.where, []).append(f"{culprit.finding}; {finding.rule.fix}")
        return found

    @property
    def fails(self) -> bool:
        """Whether what was found is somebody's fault, and not only too early."""
        return any(finding.rule.severity == "error" and not finding.holds for finding in self.findings)
