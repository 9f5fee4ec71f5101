"""docs/gates.md says what freshet/gates/suites.py does, rule by rule, and names tests that exist."""

import re
from pathlib import Path

import pytest

from freshet.gates.suites import SUITES, suite
from freshet.settings import Settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "gates.md").read_text()
DAILY = (
    "raw_events", "quarantined_events", "events", "items", "item_features", "user_features", "histories", "impressions",
)  # fmt: skip


def gate_tables() -> dict[str, list[list[str]]]:
    """Asset → the cells of its table, without the two lines of the head."""
    cells_by_asset = {}
    for part in re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]:
        title, *lines = part.splitlines()
        rows = [line.strip("|").split("|") for line in lines if line.startswith("|")]
        cells_by_asset[title] = [[cell.strip() for cell in row] for row in rows[2:]]
    return cells_by_asset


def test_every_suite_is_listed_and_no_other():
    assert sorted(gate_tables()) == sorted(("raw_events", "events", *SUITES))


@pytest.mark.parametrize("name", ["raw_events", "events", *SUITES])
def test_every_rule_stands_there_with_its_limit_its_consequence_and_its_sentence(name):
    consequence = "day refused" if name in DAILY else "refused"
    rules = suite(name, Settings(_env_file=None, lake="lake"))
    assert [row[:4] for row in gate_tables()[name]] == [
        [
            f"`{rule.name}`",
            f"`{rule.bounds_text}`",
            {"warn": "warning", "hold": "held back"}.get(rule.severity, consequence),
            rule.message_template,
        ]
        for rule in rules
    ]


def test_every_test_that_is_named_exists():
    names = {cell.strip("`") for rows in gate_tables().values() for row in rows for cell in row[4:]} - {"—"}
    tests = {
        name for path in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())
    }
    assert sorted(names - tests) == []
    assert len(names) > 30
