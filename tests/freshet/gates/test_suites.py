"""Every rule of every suite is fed the failure it exists for. A rule without such a case breaks the build."""

from datetime import date

import pandas as pd
import pytest

from freshet.gates.judging import judge
from freshet.gates.rules import Judgement, Rule
from freshet.gates.suites import SUITES, suite
from freshet.settings import Settings
from freshet.tables.publication import derived, indexed
from freshet.tables.schemas import TABLES
from tests.gate_cases import BREAKS, HOLDS, Case

DAY = date(2024, 3, 1)
NAMES = ("raw_events", "events", *SUITES)


@pytest.fixture(scope="module")
def ten_percent() -> Settings:
    return Settings(_env_file=None, lake="lake", bad_share_limit=0.1)


def judged(name: str, settings: Settings, *rows: dict[str, object]) -> Judgement:
    """The suite over profile rows of consecutive days from DAY."""
    days = pd.date_range(DAY, periods=len(rows)).date
    profile = indexed(derived(pd.DataFrame(list(rows), index=days), {}))
    return judge(name, profile, suite(name, settings))


def rules(settings: Settings) -> list[tuple[str, Rule]]:
    return [(name, rule) for name in NAMES for rule in suite(name, settings)]


def test_every_rule_has_a_case_that_breaks_it(ten_percent):
    assert sorted(case.name for case in BREAKS) == sorted(f"{name}.{rule.name}" for name, rule in rules(ten_percent))


def test_every_table_has_a_suite(ten_percent):
    assert {table.name for table in TABLES} <= set(NAMES)
    assert all(suite(table.name, ten_percent) for table in TABLES)


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_row_that_holds_is_published(name, ten_percent):
    judgement = judged(name, ten_percent, HOLDS[name])
    assert [finding.rule.name for finding in judgement.findings if not finding.holds] == []
    assert judgement.bad() == {}


@pytest.mark.parametrize("case", BREAKS, ids=lambda case: case.name)
def test_a_profile_row_that_breaks_a_rule_is_found(case: Case, ten_percent):
    judgement = judged(case.suite, ten_percent, HOLDS[case.suite], {**HOLDS[case.suite], **case.change})
    broken = [finding for finding in judgement.findings if not finding.holds]
    assert [finding.rule.name for finding in broken] == [case.rule]
    assert [(culprit.where, culprit.finding) for culprit in broken[0].culprits] == [("2024-03-02", case.says)]
    assert broken[0].fix(broken[0].culprits[0]) == case.fix
    assert judgement.bad() == ({"2024-03-02": [f"{case.says}; {case.fix}"]} if case.stops else {})


def test_a_missing_delivery_stops_the_day_where_the_shop_delivers_daily(ten_percent):
    daily = ten_percent.model_copy(update={"deliveries": "daily"})
    nothing = {**HOLDS["raw_events"], "rows": 0, "files": 0, "files_read": 0, "skipped": 0}
    assert judged("raw_events", daily, nothing).bad() == {
        "2024-03-01": [
            "no file landed; ask the producer, then `freshet land FILE…`; "
            "nothing else needs doing where the shop was closed"
        ]
    }


def test_an_empty_day_has_no_bad_share_and_is_published(ten_percent):
    empty = {**HOLDS["events"], "rows": 0, "landed": 0, "skipped": 0, "quarantined": 0, "duplicate": 0, "worst": "none"}
    assert judged("events", ten_percent, empty).bad() == {}


def test_a_share_of_exactly_the_limit_is_within_it(ten_percent):
    tenth = {**HOLDS["events"], "rows": 9, "landed": 10, "skipped": 0, "quarantined": 1, "duplicate": 0}
    assert judged("events", ten_percent, tenth).bad() == {}


@pytest.mark.parametrize(("leaked", "refused"), [(0, False), (1, False), (10, False), (11, True)])
def test_a_few_judged_events_that_landed_before_are_warned_of_and_more_than_a_thousandth_is_refused(
    ten_percent, leaked, refused
):
    told = {**HOLDS["evaluation"], "leaked": leaked, "judged": 10_000, "leaked_share": leaked / 10_000}
    judgement = judged("evaluation", ten_percent, told)
    found = [finding.rule.name for finding in judgement.findings if not finding.holds]
    assert found == (["nothing_leaked"] if leaked else [])
    assert (bool(judgement.bad()), judgement.fails) == (refused, refused)


def test_a_vocabulary_with_a_shared_index_is_not_dense(ten_percent):
    shared = {**HOLDS["vocabulary"], "highest": 3, "shared_indexes": 1}
    assert list(judged("vocabulary", ten_percent, shared).bad()) == ["2024-03-01"]


def test_an_empty_vocabulary_fails_for_want_of_a_choice_only(ten_percent):
    empty = {**HOLDS["vocabulary"], "rows": 0, "lowest": 0, "highest": 0}
    assert judged("vocabulary", ten_percent, empty).bad() == {
        "2024-03-01": [
            "the shop has 0 item(s), and a recommender needs two to choose between; "
            "land more days, or look whether the mapping's item_id or `where` throws items away"
        ]
    }


def test_a_name_without_a_suite_is_refused(ten_percent):
    with pytest.raises(KeyError, match="no_such_table"):
        suite("no_such_table", ten_percent)
