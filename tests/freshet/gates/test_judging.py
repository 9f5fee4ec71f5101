"""A profile of three days against rules: what is found, what is not judged, what stops."""

import math
from datetime import date

import pandas as pd
import pytest

from freshet.gates.judging import judge
from freshet.gates.rules import Culprit, Finding, Rule

DAYS = [date(2024, 3, day) for day in (1, 2, 3)]
FEW_LOST = Rule("few_are_lost", "lost", "{lost} of {rows} are lost (limit {limit})", "look for them", most=2)
SHORT = Rule("r", "lost", "{lost:g}", "f", most=2)
SOME_ROWS = Rule("there_are_rows", "rows", "{rows} rows", "land some", least=1)


def profile(**columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame(columns, index=DAYS)


def test_every_rule_gets_a_finding_in_the_order_of_the_rules():
    seen = profile(rows=[10, 0, 30], lost=[2, 3, 4])
    assert judge("events", seen, [FEW_LOST, SOME_ROWS]).findings == (
        Finding(
            FEW_LOST,
            (
                Culprit("2024-03-02", "3 of 0 are lost (limit 2)"),
                Culprit("2024-03-03", "4 of 30 are lost (limit 2)"),
            ),
        ),
        Finding(SOME_ROWS, (Culprit("2024-03-02", "0 rows"),)),
    )


def test_what_stops_is_gathered_by_row():
    seen = profile(rows=[10, 0, 30], lost=[2, 3, 4])
    judgement = judge("events", seen, [FEW_LOST, SOME_ROWS])
    assert judgement.subject == "events"
    assert judgement.bad() == {
        "2024-03-02": ["3 of 0 are lost (limit 2); look for them", "0 rows; land some"],
        "2024-03-03": ["4 of 30 are lost (limit 2); look for them"],
    }


def test_a_warning_is_found_and_stops_nothing():
    warning = Rule("few_are_lost", "lost", "{lost} are lost", "look", most=0, severity="warn")
    judgement = judge("events", profile(lost=[0, 1, 0]), [warning])
    assert judgement.findings == (Finding(warning, (Culprit("2024-03-02", "1 are lost"),)),)
    assert judgement.bad() == {}


def test_two_rules_may_look_at_one_column():
    seen = profile(rows=[1, 5, 9])
    at_least, at_most = Rule("many", "rows", "only {rows}", "f", least=2), Rule("few", "rows", "{rows}!", "f", most=8)
    assert judge("x", seen, [at_least, at_most]).bad() == {"2024-03-01": ["only 1; f"], "2024-03-03": ["9!; f"]}


@pytest.mark.parametrize("nothing", [None, math.nan])
def test_an_empty_value_is_not_judged(nothing):
    assert judge("x", profile(lost=[nothing, 9, nothing]), [SHORT]).bad() == {"2024-03-02": ["9; f"]}


def test_a_column_of_nothing_but_empty_values_is_not_judged():
    assert judge("x", profile(lost=[None, None, None]), [Rule("r", "lost", "", "", most=2)]).bad() == {}


def test_infinity_breaks_a_bound():
    assert judge("x", profile(rows=[1, 1, -math.inf]), [SOME_ROWS]).bad() == {"2024-03-03": ["-inf rows; land some"]}


def test_a_rule_whose_column_is_missing_raises_instead_of_passing():
    with pytest.raises(KeyError) as caught:
        judge("events", profile(rows=[1, 1, 1]), [FEW_LOST, SOME_ROWS])
    assert caught.value.args == ("events: the profile lacks ['lost'], which its rules judge",)


def test_a_column_that_is_no_number_raises_instead_of_passing():
    with pytest.raises(RuntimeError, match=r"few_are_lost: the expectation could not be evaluated: .*of the same type"):
        judge("events", profile(rows=[1, 1, 1], lost=["a", "b", "c"]), [FEW_LOST])


@pytest.mark.parametrize(
    ("least", "most", "words"),
    [(None, 0.05, "lost ≤ 0.05"), (2, None, "lost ≥ 2"), (0, 1, "lost ≥ 0 and ≤ 1")],
)
def test_a_rule_says_its_limit(least, most, words):
    assert Rule("r", "lost", "", "", least=least, most=most).limit == words


def test_between_two_limits_a_rule_warns_and_above_the_second_it_stops():
    rule = Rule("r", "lost", "{lost} lost", "look at {where}", most=5, warn_most=2)
    judgement = judge("x", profile(lost=[2, 4, 9]), [rule])
    assert judgement.findings[0].culprits == (
        Culprit("2024-03-02", "4 lost", stops=False),
        Culprit("2024-03-03", "9 lost"),
    )
    assert judgement.bad() == {"2024-03-03": ["9 lost; look at 2024-03-03"]}
    assert judgement.fails
    assert not judge("x", profile(lost=[2, 4, 4]), [rule]).fails
    assert rule.limit == "lost ≤ 5, warning above 2"


def test_a_row_that_is_pardoned_is_warned_of_only():
    rule = Rule("r", "lost", "{lost} lost", "look", most=5, pardon="accepted")
    judgement = judge("x", profile(lost=[9, 9, 1], accepted=[1, 0, 0]), [rule])
    assert [(culprit.where, culprit.stops) for culprit in judgement.findings[0].culprits] == [
        ("2024-03-01", False),
        ("2024-03-02", True),
    ]
    assert judgement.bad() == {"2024-03-02": ["9 lost; look"]}
