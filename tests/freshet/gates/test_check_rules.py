"""A profile of three days against rules: violations, empty values, blocking rows."""

import math
from datetime import date

import pandas as pd
import pytest

from freshet.gates.check_rules import check_rules
from freshet.gates.rules import Rule, RuleResult, Violation

DAYS = [date(2024, 3, day) for day in (1, 2, 3)]
FEW_LOST_RULE = Rule("few_are_lost", "lost", "{lost} of {rows} are lost (limit {limit})", "look for them", max_value=2)
SHORT_RULE = Rule("r", "lost", "{lost:g}", "f", max_value=2)
SOME_ROWS_RULE = Rule("there_are_rows", "rows", "{rows} rows", "land some", min_value=1)


def profile(**columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame(columns, index=DAYS)


def test_every_rule_has_a_result_in_the_order_of_the_rules():
    profile_frame = profile(rows=[10, 0, 30], lost=[2, 3, 4])
    assert check_rules("events", profile_frame, [FEW_LOST_RULE, SOME_ROWS_RULE]).results == (
        RuleResult(
            FEW_LOST_RULE,
            (
                Violation("2024-03-02", "3 of 0 are lost (limit 2)"),
                Violation("2024-03-03", "4 of 30 are lost (limit 2)"),
            ),
        ),
        RuleResult(SOME_ROWS_RULE, (Violation("2024-03-02", "0 rows"),)),
    )


def test_refusal_reasons_are_grouped_by_row():
    profile_frame = profile(rows=[10, 0, 30], lost=[2, 3, 4])
    report = check_rules("events", profile_frame, [FEW_LOST_RULE, SOME_ROWS_RULE])
    assert report.subject == "events"
    assert report.refusal_reasons() == {
        "2024-03-02": ["3 of 0 are lost (limit 2); look for them", "0 rows; land some"],
        "2024-03-03": ["4 of 30 are lost (limit 2); look for them"],
    }


def test_a_warning_does_not_block():
    warning = Rule("few_are_lost", "lost", "{lost} are lost", "look", max_value=0, severity="warn")
    report = check_rules("events", profile(lost=[0, 1, 0]), [warning])
    assert report.results == (RuleResult(warning, (Violation("2024-03-02", "1 are lost"),)),)
    assert report.refusal_reasons() == {}


def test_two_rules_may_check_one_column():
    profile_frame = profile(rows=[1, 5, 9])
    at_least, at_most = (
        Rule("many", "rows", "only {rows}", "f", min_value=2),
        Rule("few", "rows", "{rows}!", "f", max_value=8),
    )
    assert check_rules("x", profile_frame, [at_least, at_most]).refusal_reasons() == {
        "2024-03-01": ["only 1; f"],
        "2024-03-03": ["9!; f"],
    }


@pytest.mark.parametrize("empty_value", [None, math.nan])
def test_an_empty_value_is_not_checked(empty_value):
    assert check_rules("x", profile(lost=[empty_value, 9, empty_value]), [SHORT_RULE]).refusal_reasons() == {
        "2024-03-02": ["9; f"]
    }


def test_a_column_of_empty_values_is_not_checked():
    assert (
        check_rules("x", profile(lost=[None, None, None]), [Rule("r", "lost", "", "", max_value=2)]).refusal_reasons()
        == {}
    )


def test_infinity_breaks_a_bound():
    assert check_rules("x", profile(rows=[1, 1, -math.inf]), [SOME_ROWS_RULE]).refusal_reasons() == {
        "2024-03-03": ["-inf rows; land some"]
    }


def test_a_rule_whose_column_is_missing_raises_instead_of_passing():
    with pytest.raises(KeyError) as exc_info:
        check_rules("events", profile(rows=[1, 1, 1]), [FEW_LOST_RULE, SOME_ROWS_RULE])
    assert exc_info.value.args == ("events: the profile lacks ['lost'], which its rules check",)


def test_a_column_that_is_no_number_raises_instead_of_passing():
    with pytest.raises(RuntimeError, match=r"few_are_lost: the expectation could not be evaluated: .*of the same type"):
        check_rules("events", profile(rows=[1, 1, 1], lost=["a", "b", "c"]), [FEW_LOST_RULE])


@pytest.mark.parametrize(
    ("least", "most", "words"),
    [(None, 0.05, "lost ≤ 0.05"), (2, None, "lost ≥ 2"), (0, 1, "lost ≥ 0 and ≤ 1")],
)
def test_a_rule_shows_its_bounds(least, most, words):
    assert Rule("r", "lost", "", "", min_value=least, max_value=most).bounds_text == words


def test_a_rule_warns_between_two_limits_and_blocks_above_the_second():
    rule = Rule("r", "lost", "{lost} lost", "look at {where}", max_value=5, warn_above=2)
    report = check_rules("x", profile(lost=[2, 4, 9]), [rule])
    assert report.results[0].violations == (
        Violation("2024-03-02", "4 lost", is_blocking=False),
        Violation("2024-03-03", "9 lost"),
    )
    assert report.refusal_reasons() == {"2024-03-03": ["9 lost; look at 2024-03-03"]}
    assert report.has_errors
    assert not check_rules("x", profile(lost=[2, 4, 4]), [rule]).has_errors
    assert rule.bounds_text == "lost ≤ 5, warning above 2"


def test_a_waived_row_is_only_a_warning():
    rule = Rule("r", "lost", "{lost} lost", "look", max_value=5, waiver_column="accepted")
    report = check_rules("x", profile(lost=[9, 9, 1], accepted=[1, 0, 0]), [rule])
    assert [(violation.where, violation.is_blocking) for violation in report.results[0].violations] == [
        ("2024-03-01", False),
        ("2024-03-02", True),
    ]
    assert report.refusal_reasons() == {"2024-03-02": ["9 lost; look"]}
