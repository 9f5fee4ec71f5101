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
    says: str
    fix: str
    least: float | None = None
    most: float | None = None
    severity: Literal["error", "hold", "warn"] = "error"
    warn_most: float | None = None
    pardon: str | None = None

    @property
    def highest(self) -> float | None:
        """The highest value that nothing is said of."""
        return self.most if self.warn_most is None else self.warn_most

    def stops(self, row: Mapping[str, Any]) -> bool:
        """Whether one row of the profile keeps it from being published; a row within the bounds does not."""
        value = row[self.column]
        if self.severity == "warn" or value is None or value != value:
            return False
        outside = (self.least is not None and value < self.least) or (self.most is not None and value > self.most)
        return bool(outside and not (self.pardon and row[self.pardon]))

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
        also = "" if self.warn_most is None else f", warning above {self.warn_most:g}"
        return f"{self.column} {' and '.join(parts)}{also}"


@dataclass(frozen=True)
class Culprit:
    """One row of the profile that breaks a rule: a day, or the one row of a table, model or bundle."""

    where: str
    finding: str
    stops: bool = True  # False: a warning, whatever the severity of the rule


@dataclass(frozen=True)
class Finding:
    """What the gate found for one rule."""

    rule: Rule
    culprits: tuple[Culprit, ...]

    @property
    def holds(self) -> bool:
        return not self.culprits

    @property
    def stops(self) -> bool:
        """Whether something is kept from being published."""
        return self.rule.severity != "warn" and any(culprit.stops for culprit in self.culprits)

    def fix(self, culprit: Culprit) -> str:
        """What to do about one of the culprits."""
        return self.rule.fix.replace("{where}", culprit.where)


@dataclass(frozen=True)
class Judgement:
    """What the gate found for all rules of a suite."""

    subject: str
    findings: tuple[Finding, ...]

    @property
    def refusals(self) -> tuple[tuple[Finding, Culprit], ...]:
        """What stops a publication: the finding, and the day or the one row that it is about."""
        stopping = (finding for finding in self.findings if finding.rule.severity != "warn")
        return tuple((finding, culprit) for finding in stopping for culprit in finding.culprits if culprit.stops)

    def bad(self) -> dict[str, list[str]]:
        """Where → findings, for everything that stops a publication."""
        found: dict[str, list[str]] = {}
        for finding, culprit in self.refusals:
            found.setdefault(culprit.where, []).append(f"{culprit.finding}; {finding.fix(culprit)}")
        return found

    @property
    def fails(self) -> bool:
        """Whether what was found is somebody's fault, and not only too early."""
        return any(finding.rule.severity == "error" and finding.stops for finding in self.findings)
