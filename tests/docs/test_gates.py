"""The tables of docs/gates.md follow the rules, and name tests that exist."""

import re
from pathlib import Path

from tests.docs.gate_tables import PAGE, START, with_gate_tables
from tests.gate_cases import FAILING_CASES

TESTS = Path(__file__).parents[1]


def test_the_tables_are_up_to_date():
    page = PAGE.read_text()
    assert START in page
    assert page == with_gate_tables(page), "run `make docs`"


def test_every_test_that_is_named_exists():
    shown_by = {case.shown_by for case in FAILING_CASES} - {""}
    tests = {name for path in TESTS.rglob("test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())}
    assert sorted(shown_by - tests) == []
    assert len(shown_by) > 30
