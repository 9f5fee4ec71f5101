"""Event ids shared by staged days. The published rows of a refused day count, too."""

import pandas as pd

from freshet.gates.rules import Rule
from freshet.publishing.adjacent_days import check_with_overlaps
from tests.world import DAY1, DAY2, DAY3, DAYS

ACROSS_RULES = (
    Rule("good", "bad", "bad", "mend it", max_value=0),
    Rule("once", "shared_ids", "{shared_ids} also in {shared_ids_days}", "mend those", max_value=0),
)


def across_report(bad_days, overlaps):
    """overlaps: the counts while exactly these days are refused."""
    profile = pd.DataFrame({"bad": [int(day in bad_days) for day in DAYS]}, index=list(DAYS))
    return check_with_overlaps("events", profile, ACROSS_RULES, lambda refused: overlaps[frozenset(refused)])


def test_days_without_shared_ids_pass():
    profile, report, others = across_report(set(), {frozenset(): {}})
    assert (report.refusal_reasons(), others) == ({}, {day: {} for day in DAYS})
    assert (list(profile["shared_ids"]), list(profile["repeated_ids"])) == ([0, 0, 0], [0, 0, 0])


def test_an_id_repeated_on_its_own_day_is_repeated_and_not_shared():
    profile, _, others = across_report(set(), {frozenset(): {DAY1: {DAY1: 2}}})
    assert (list(profile["repeated_ids"]), list(profile["shared_ids"]), others[DAY1]) == ([2, 0, 0], [0, 0, 0], {})


def test_a_refused_day_also_refuses_the_day_that_has_one_of_its_published_events():
    _, report, others = across_report(
        {DAY2}, {frozenset(): {}, frozenset({DAY2}): {DAY3: {DAY2: 4}}, frozenset({DAY2, DAY3}): {}}
    )
    assert report.refusal_reasons() == {
        str(DAY2): ["bad; mend it"],
        str(DAY3): ["4 also in 2024-03-02 (4); mend those"],
    }
    assert others[DAY3] == {DAY2: 4}


def test_two_days_with_the_same_event_are_both_refused():
    _, report, _ = across_report(set(), {frozenset(): {DAY1: {DAY2: 1}, DAY2: {DAY1: 1}}, frozenset({DAY1, DAY2}): {}})
    assert sorted(report.refusal_reasons()) == [str(DAY1), str(DAY2)]
