"""Every rule of every suite is fed the failure it exists for. A rule without such a case breaks the build."""

from datetime import date

import pandas as pd
import pytest

from freshet.gates.judging import check_rules
from freshet.gates.rules import GateReport, Rule
from freshet.gates.suites import SUITES, suite
from freshet.publishing.publish import add_derived_columns, add_index_columns
from freshet.settings import Settings
from freshet.tables.schemas import TABLES
from tests.gate_cases import FAILING_CASES, PASSING_PROFILES, RuleCase

DAY = date(2024, 3, 1)
NAMES = ("raw_events", "events", *SUITES)


@pytest.fixture(scope="module")
def ten_percent_limit() -> Settings:
    return Settings(_env_file=None, lake="lake", max_invalid_share=0.1)


def gate_report(name: str, settings: Settings, *rows: dict[str, object]) -> GateReport:
    """The suite over profile rows of consecutive days from DAY."""
    days = pd.date_range(DAY, periods=len(rows)).date
    profile = add_index_columns(add_derived_columns(pd.DataFrame(list(rows), index=days), {}))
    return check_rules(name, profile, suite(name, settings))


def all_rules(settings: Settings) -> list[tuple[str, Rule]]:
    return [(name, rule) for name in NAMES for rule in suite(name, settings)]


def test_every_rule_has_a_case_that_breaks_it(ten_percent):
    assert sorted(case.name for case in FAILING_CASES) == sorted(
        f"{name}.{rule.name}" for name, rule in all_rules(ten_percent)
    )


def test_every_table_has_a_suite(ten_percent):
    assert {table.name for table in TABLES} <= set(NAMES)
    assert all(suite(table.name, ten_percent) for table in TABLES)


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_row_that_holds_is_published(name, ten_percent):
    judgement = gate_report(name, ten_percent, PASSING_PROFILES[name])
    assert [finding.rule.name for finding in judgement.results if not finding.passed] == []
    assert judgement.refusal_reasons() == {}


@pytest.mark.parametrize("case", FAILING_CASES, ids=lambda case: case.name)
def test_a_profile_row_that_breaks_a_rule_is_found(case: RuleCase, ten_percent):
    judgement = gate_report(
        case.suite, ten_percent, PASSING_PROFILES[case.suite], {**PASSING_PROFILES[case.suite], **case.change}
    )
    failed_rules = [finding for finding in judgement.results if not finding.passed]
    assert [finding.rule.name for finding in failed_rules] == [case.rule]
    assert [(culprit.where, culprit.message) for culprit in failed_rules[0].violations] == [("2024-03-02", case.says)]
    assert failed_rules[0].fix_for(failed_rules[0].violations[0]) == case.fix
    assert judgement.refusal_reasons() == ({"2024-03-02": [f"{case.says}; {case.fix}"]} if case.stops else {})


def test_a_missing_delivery_stops_the_day_where_the_shop_delivers_daily(ten_percent):
    daily = ten_percent.model_copy(update={"deliveries": "daily"})
    empty_profile = {**PASSING_PROFILES["raw_events"], "rows": 0, "files": 0, "files_read": 0, "skipped": 0}
    assert gate_report("raw_events", daily, empty_profile).refusal_reasons() == {
        "2024-03-01": [
            "no file landed; ask the producer, then `freshet land FILE…`; "
            "nothing else needs doing where the shop was closed"
        ]
    }


def test_an_empty_day_has_no_bad_share_and_is_published(ten_percent):
    empty = {
        **PASSING_PROFILES["events"],
        "rows": 0,
        "landed": 0,
        "skipped": 0,
        "quarantined": 0,
        "duplicate": 0,
        "worst": "none",
    }
    assert gate_report("events", ten_percent, empty).refusal_reasons() == {}


def test_a_share_of_exactly_the_limit_is_within_it(ten_percent):
    tenth = {**PASSING_PROFILES["events"], "rows": 9, "landed": 10, "skipped": 0, "quarantined": 1, "duplicate": 0}
    assert gate_report("events", ten_percent, tenth).refusal_reasons() == {}


@pytest.mark.parametrize(("leaked", "refused"), [(0, False), (1, False), (10, False), (11, True)])
def test_leaked_evaluation_events_warn_and_above_a_thousandth_refuse(ten_percent, leaked, refused):
    profile = {**PASSING_PROFILES["evaluation"], "leaked": leaked, "judged": 10_000, "leaked_share": leaked / 10_000}
    judgement = gate_report("evaluation", ten_percent, profile)
    actual = [finding.rule.name for finding in judgement.results if not finding.passed]
    assert actual == (["nothing_leaked"] if leaked else [])
    assert (bool(judgement.refusal_reasons()), judgement.has_errors) == (refused, refused)


def test_a_vocabulary_with_a_shared_index_is_not_dense(ten_percent):
    profile_row = {**PASSING_PROFILES["vocabulary"], "highest": 3, "shared_indexes": 1}
    assert list(gate_report("vocabulary", ten_percent, profile_row).refusal_reasons()) == ["2024-03-01"]


def test_an_empty_vocabulary_fails_for_want_of_a_choice_only(ten_percent):
    empty = {**PASSING_PROFILES["vocabulary"], "rows": 0, "lowest": 0, "highest": 0}
    assert gate_report("vocabulary", ten_percent, empty).refusal_reasons() == {
        "2024-03-01": [
            "the shop has 0 item(s), and a recommender needs two to choose between; "
            "land more days, or look whether the mapping's item_id or `where` throws items away"
        ]
    }


def test_a_name_without_a_suite_is_refused(ten_percent):
    with pytest.raises(KeyError, match="no_such_table"):
        suite("no_such_table", ten_percent)
