import numpy as np
import pytest

from freshet.judge.comparison import CHALLENGER, CHAMPION, ITEM_TO_ITEM, POPULAR, Comparison, Evaluation
from freshet.judge.evaluation import Scores
from freshet.judge.verdict import JudgeParams, decide, intervals, lower_bound

PARAMS = JudgeParams(minimum_cases=10)


def answers(good, cases=100):
    """Cases with one target each; the first `good` of them are hit at the first place: mean NDCG = good / cases."""
    hits = np.zeros((cases, 10), dtype=bool)
    hits[:good, 0] = True
    return Scores(hits.astype(np.int64), hits, np.ones(cases, dtype=np.int64))


def comparison(**scores):
    names = {"challenger": CHALLENGER, "champion": CHAMPION, "popular": POPULAR, "item_to_item": ITEM_TO_ITEM}
    named = {names[name]: value for name, value in scores.items()}
    cases = len(named[CHALLENGER].sizes)
    evaluation = Evaluation(
        cut=0, as_of=7, cases=cases, targets=cases, unknown_targets=0, ks=(10,), table={}, slices={}, seconds={}
    )
    return Comparison(evaluation, named)


def test_the_first_release_must_beat_both_baselines():
    verdict = decide(comparison(challenger=answers(50), popular=answers(10), item_to_item=answers(20)), PARAMS)
    assert verdict.released
    assert verdict.rule == "first"
    assert [margin.against for margin in verdict.margins] == [POPULAR, ITEM_TO_ITEM]


def test_the_first_release_is_refused_when_it_beats_only_one():
    verdict = decide(comparison(challenger=answers(50), popular=answers(10), item_to_item=answers(50)), PARAMS)
    assert not verdict.released
    assert [margin.passed for margin in verdict.margins] == [True, False]
    assert verdict.sentence == (
        "Not released: the new model is better than what is popular (NDCG@10 0.5000 against 0.1000, difference at "
        f"least {verdict.margins[0].lower:+.4f}, 95% sure, needed above +0.0000); the new model is not surely better "
        "than what goes with what (item-to-item) (NDCG@10 0.5000 against 0.5000, difference at least +0.0000, "
        "95% sure, needed above +0.0000) (100 baskets asked for)."
    )


def test_a_better_mean_that_may_be_luck_is_not_enough():
    # 52 against 50 of 100, and the two extra hits are all there is: 0 is within reach of chance.
    verdict = decide(comparison(challenger=answers(52), champion=answers(50)), PARAMS)
    assert verdict.margins[0].difference == pytest.approx(0.02)
    assert not verdict.released


def test_the_same_configuration_only_fresher_may_be_as_good():
    same = comparison(challenger=answers(50), champion=answers(50))
    assert decide(same, PARAMS, same_configuration=True).released
    assert decide(same, PARAMS, same_configuration=True).rule == "fresher"
    assert not decide(same, PARAMS, same_configuration=False).released
    assert decide(same, PARAMS, same_configuration=False).rule == "changed"


def test_the_same_configuration_is_refused_when_it_is_worse_by_more_than_the_margin():
    worse = comparison(challenger=answers(45), champion=answers(50))
    verdict = decide(worse, PARAMS, same_configuration=True)
    assert not verdict.released
    assert verdict.margins[0].needed == pytest.approx(-0.01)
    assert verdict.sentence.startswith("Not released: the new model may be worse than the model that serves now (NDCG")


def test_a_changed_configuration_that_is_better_is_released():
    verdict = decide(comparison(challenger=answers(70), champion=answers(50)), PARAMS)
    assert verdict.released
    assert verdict.sentence.startswith("Released: the new model is better than the model that serves now (NDCG@10 0.70")


def test_with_a_champion_the_baselines_have_no_vote():
    verdict = decide(
        comparison(challenger=answers(70), champion=answers(50), popular=answers(99), item_to_item=answers(99)), PARAMS
    )
    assert verdict.released


def test_too_few_cases_are_refused_with_the_reason():
    few = comparison(challenger=answers(5, 9), popular=answers(0, 9), item_to_item=answers(0, 9))
    verdict = decide(few, PARAMS)
    assert not verdict.released
    assert verdict.sentence == (
        "Not released: only 9 baskets to ask for, 10 are needed to tell luck from merit. "
        "Judge again when more has landed, or hold out more days."
    )


def test_no_case_at_all_is_refused_too():
    none = comparison(challenger=answers(0, 0), popular=answers(0, 0), item_to_item=answers(0, 0))
    assert not decide(none, PARAMS).released


def test_the_verdict_is_the_same_every_time():
    asked = comparison(challenger=answers(55), champion=answers(50))
    assert decide(asked, PARAMS) == decide(asked, PARAMS)


def test_the_bound_of_differences_that_are_all_equal_is_that_difference():
    assert lower_bound(np.full(30, 0.25), PARAMS) == 0.25


def test_the_bound_lies_about_one_and_two_thirds_standard_errors_below_the_mean():
    differences = np.random.default_rng(0).normal(0.1, 1.0, 10_000)
    expected = differences.mean() - 1.645 * differences.std() / np.sqrt(10_000)
    assert lower_bound(differences, PARAMS) == pytest.approx(expected, abs=0.002)


def test_each_scorer_has_its_mean_and_the_interval_around_it():
    found = intervals(comparison(challenger=answers(50), popular=answers(10)), PARAMS)
    # The mean of 100 draws with p = 0.5 lies within 0.5 ± 1.96 · 0.05 in 95 of 100 cases; with p = 0.1 within ± 0.0588.
    assert found[CHALLENGER] == pytest.approx((0.5, 0.402, 0.598), abs=0.01)
    assert found[POPULAR] == pytest.approx((0.1, 0.041, 0.159), abs=0.01)


def test_answers_that_are_all_alike_have_an_interval_of_no_width():
    assert intervals(comparison(challenger=answers(100)), PARAMS) == {CHALLENGER: (1.0, 1.0, 1.0)}


def test_without_cases_there_are_no_intervals():
    assert intervals(comparison(challenger=answers(0, cases=0)), PARAMS) == {}
