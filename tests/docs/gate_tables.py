"""Write the tables of docs/gates.md from the rules and their cases: `make docs`."""

from pathlib import Path

from freshet.gates.rules import Rule
from freshet.gates.suites import SUITE_NAMES, suite
from freshet.settings import Settings
from freshet.tables.schemas import TABLES
from tests.gate_cases import FAILING_CASES

PAGE = Path(__file__).parents[2] / "docs" / "gates.md"
START = "<!-- tables written by `make docs`; edit freshet/gates/*_rules.py and tests/gate_cases.py instead -->"
HEAD = "| rule | holds when | otherwise | message | shown by |\n|---|---|---|---|---|"


def with_gate_tables(page: str) -> str:
    """Return the page with the tables of all suites behind the marker."""
    text = page.partition(START)[0]
    return "\n\n".join([f"{text}{START}", *map(_section, SUITE_NAMES)]) + "\n"


def _section(name: str) -> str:
    rules = suite(name, Settings(_env_file=None, lake="lake"))
    return f"## {name}\n\n{HEAD}\n" + "\n".join(_row(name, rule) for rule in rules)


def _row(name: str, rule: Rule) -> str:
    has_days = name in {table.name for table in TABLES if table.daily}
    refused = "day refused" if has_days else "refused"
    consequence = {"warn": "warning", "skip": "skipped", "error": refused}[rule.severity]
    shown_by = next(case.shown_by for case in FAILING_CASES if case.name == f"{name}.{rule.name}")
    test = f"`{shown_by}`" if shown_by else "—"
    return f"| `{rule.name}` | `{rule.bounds_text}` | {consequence} | {rule.message_template} | {test} |"


if __name__ == "__main__":
    PAGE.write_text(with_gate_tables(PAGE.read_text()))
