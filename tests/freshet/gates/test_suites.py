"""Every rule of every suite has a case that breaks it, and only it."""

import re
from datetime import date

import pandas as pd
import pytest

from freshet.gates.check_rules import check_rules
from freshet.gates.rules import GateReport, Rule
from freshet.gates.suites import SUITE_NAMES, suite
from freshet.publishing.derived_columns import add_derived_columns, add_index_columns
from freshet.settings import Settings
from freshet.tables.schemas import TABLES
from tests.gate_cases import FAILING_CASES, PASSING_PROFILES, RuleCase

DAY = date(2024, 3, 1)


@pytest.fixture(scope="module")
def ten_percent() -> Settings:
    return Settings(_env_file=None, lake="lake", max_invalid_share=0.1)


def gate_report(name: str, settings: Settings, *rows: dict[str, object]) -> GateReport:
    """Return the report on profile rows of consecutive days from DAY."""
    days = pd.date_range(DAY, periods=len(rows)).date
    profile = add_index_columns(add_derived_columns(pd.DataFrame(list(rows), index=days), {}))
    return check_rules(name, profile, suite(name, settings))


def names_fact(message: str, fact: str) -> bool:
    """Whether the message has the fact, not as a part of a longer number."""
    return re.search(rf"(?<![\d.,]){re.escape(fact)}(?!\d)", message) is not None


def all_rules(settings: Settings) -> list[tuple[str, Rule]]:
    return [(name, rule) for name in SUITE_NAMES for rule in suite(name, settings)]


def test_every_rule_has_a_case_that_breaks_it(ten_percent):
    assert sorted(case.name for case in FAILING_CASES) == sorted(
        f"{name}.{rule.name}" for name, rule in all_rules(ten_percent)
    )


def test_every_table_has_a_suite(ten_percent):
    assert {table.name for table in TABLES} <= set(SUITE_NAMES)
    assert all(suite(table.name, ten_percent) for table in TABLES)


@pytest.mark.parametrize("name", SUITE_NAMES)
def test_a_passing_profile_is_published(name, ten_percent):
    report = gate_report(name, ten_percent, PASSING_PROFILES[name])
    assert [result.rule.name for result in report.results if not result.passed] == []
    assert report.refusal_reasons() == {}


@pytest.mark.parametrize("case", FAILING_CASES, ids=lambda case: case.name)
def test_a_profile_row_that_breaks_a_rule_is_found(case: RuleCase, ten_percent):
    report = gate_report(
        case.suite, ten_percent, PASSING_PROFILES[case.suite], {**PASSING_PROFILES[case.suite], **case.change}
    )
    failed_rules = [result for result in report.results if not result.passed]
    assert [result.rule.name for result in failed_rules] == [case.rule]
    assert [violation.where for violation in failed_rules[0].violations] == ["2024-03-02"]
    message = failed_rules[0].violations[0].message
    assert [fact for fact in case.facts if not names_fact(message, fact)] == []
    assert "{" not in message
    reason = f"{message}; {failed_rules[0].rule.fix.replace('{where}', '2024-03-02')}"
    assert report.refusal_reasons() == ({"2024-03-02": [reason]} if case.blocks else {})


def test_a_missing_delivery_refuses_the_day_of_a_shop_that_delivers_daily(ten_percent):
    daily = ten_percent.model_copy(update={"delivery_schedule": "daily"})
    empty_profile = {**PASSING_PROFILES["raw_events"], "rows": 0, "files": 0, "files_read": 0, "skipped": 0}
    report = gate_report("raw_events", daily, empty_profile)
    assert [result.rule.name for result, _ in report.blocking_violations] == ["delivery_arrived"]
    assert list(report.refusal_reasons()) == ["2024-03-01"]


def test_an_empty_day_has_no_bad_share_and_is_published(ten_percent):
    empty = {
        **PASSING_PROFILES["events"],
        "rows": 0,
        "landed": 0,
        "skipped": 0,
        "quarantined": 0,
        "duplicate": 0,
        "top_reason": "none",
    }
    assert gate_report("events", ten_percent, empty).refusal_reasons() == {}


def test_a_share_of_exactly_the_limit_is_within_it(ten_percent):
    tenth = {**PASSING_PROFILES["events"], "rows": 9, "landed": 10, "skipped": 0, "quarantined": 1, "duplicate": 0}
    assert gate_report("events", ten_percent, tenth).refusal_reasons() == {}


@pytest.mark.parametrize(("leaked", "refused"), [(0, False), (1, False), (10, False), (11, True)])
def test_leaked_evaluation_events_warn_and_above_a_thousandth_refuse(ten_percent, leaked, refused):
    profile = {
        **PASSING_PROFILES["evaluation"],
        "leaked_events": leaked,
        "evaluated_events": 10_000,
        "leaked_share": leaked / 10_000,
    }
    report = gate_report("evaluation", ten_percent, profile)
    actual = [result.rule.name for result in report.results if not result.passed]
    assert actual == (["nothing_leaked"] if leaked else [])
    assert (bool(report.refusal_reasons()), report.has_errors) == (refused, refused)


def test_a_vocabulary_with_a_shared_index_is_not_dense(ten_percent):
    profile_row = {**PASSING_PROFILES["vocabulary"], "highest_index": 3, "shared_indexes": 1}
    assert list(gate_report("vocabulary", ten_percent, profile_row).refusal_reasons()) == ["2024-03-01"]


def test_an_empty_vocabulary_breaks_only_the_rule_of_two_items(ten_percent):
    empty = {**PASSING_PROFILES["vocabulary"], "rows": 0, "lowest_index": 0, "highest_index": 0}
    report = gate_report("vocabulary", ten_percent, empty)
    assert [result.rule.name for result, _ in report.blocking_violations] == ["at_least_two_items"]


def test_a_name_without_a_suite_is_refused(ten_percent):
    with pytest.raises(KeyError, match="no_such_table"):
        suite("no_such_table", ten_percent)
