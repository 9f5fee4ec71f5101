"""The verdict: which challengers are released, and the reason for each rejection."""

import numpy as np
import pytest

from freshet.evaluation.comparison import (
    CHALLENGER,
    CHAMPION,
    ITEM_KNN,
    POPULAR,
    SEQUENTIAL_RULES,
    Comparison,
    Evaluation,
)
from freshet.evaluation.evaluate import CaseScores
from freshet.evaluation.params import EvaluationParams
from freshet.evaluation.verdict import decide_verdict

PARAMS = EvaluationParams(min_cases=10, min_shoppers=10)


def case_scores(n_hits, cases=100):
    """Cases with one target each; the first `good` of them are hit at the first place: mean NDCG = good / cases."""
    hits = np.zeros((cases, 10), dtype=bool)
    hits[:n_hits, 0] = True
    return CaseScores(hits.astype(np.int64), hits, np.ones(cases, dtype=np.int64))


def comparison(shopper_index=None, **scores):
    """Without `shopper_index`, every case has another shopper."""
    names = {"challenger": CHALLENGER, "champion": CHAMPION, "popular": POPULAR, "item_to_item": ITEM_KNN}
    names["sequential_rules"] = SEQUENTIAL_RULES
    named_scores = {names[name]: value for name, value in scores.items()}
    cases = len(named_scores[CHALLENGER].n_targets)
    evaluation = Evaluation(
        train_until=0,
        as_of=7,
        n_cases=cases,
        n_targets=cases,
        n_unknown_targets=0,
        ks=(10,),
        table={},
        slices={},
        scoring_seconds={},
    )
    return Comparison(evaluation, named_scores, np.arange(cases) if shopper_index is None else shopper_index)


def test_the_first_release_must_beat_both_baselines():
    verdict = decide_verdict(
        comparison(challenger=case_scores(50), popular=case_scores(10), item_to_item=case_scores(20)), PARAMS
    )
    assert verdict.released
    assert verdict.rule == "first"
    assert [margin.reference for margin in verdict.margin_tests] == [POPULAR, ITEM_KNN]


def test_the_first_release_is_refused_when_it_beats_only_one():
    verdict = decide_verdict(
        comparison(challenger=case_scores(50), popular=case_scores(10), item_to_item=case_scores(50)), PARAMS
    )
    assert not verdict.released
    assert [margin.passed for margin in verdict.margin_tests] == [True, False]
    assert verdict.sentence == (
        "Not released: the new model is better than popular items (NDCG@10 0.5000 against 0.1000, difference at "
        f"least {verdict.margin_tests[0].lower_bound:+.4f} with 95% confidence, required above +0.0000); the new model "
        "is not shown to be better than item-to-item kNN (NDCG@10 0.5000 against 0.5000, difference at least +0.0000 "
        "with 95% confidence, required above +0.0000) (100 held-out baskets of 100 shoppers)."
    )


def test_the_first_release_may_be_as_good_as_sequential_rules_but_not_worse():
    others = {"popular": case_scores(10), "item_to_item": case_scores(20)}
    equal_verdict = decide_verdict(
        comparison(challenger=case_scores(50), sequential_rules=case_scores(50), **others), PARAMS
    )
    assert equal_verdict.released
    assert [(m.reference, m.claim) for m in equal_verdict.margin_tests][-1] == (SEQUENTIAL_RULES, "no worse")
    worse_verdict = decide_verdict(
        comparison(challenger=case_scores(50), sequential_rules=case_scores(60), **others), PARAMS
    )
    assert not worse_verdict.released
    assert "is not shown to be as good as sequential rules (NDCG@10 0.5000" in worse_verdict.sentence


def test_no_later_model_may_be_worse_than_sequential_rules():
    scores = comparison(challenger=case_scores(70), champion=case_scores(50), sequential_rules=case_scores(90))
    for same in (True, False):
        assert not decide_verdict(scores, PARAMS, same_configuration=same).released


def test_an_insignificantly_better_mean_is_not_enough():
    # 52 against 50 of 100, and the two extra hits are all there is: 0 is within reach of chance.
    verdict = decide_verdict(comparison(challenger=case_scores(52), champion=case_scores(50)), PARAMS)
    assert verdict.margin_tests[0].difference == pytest.approx(0.02)
    assert not verdict.released
    # A standard error of 0.0140 makes 2 % certain with (2.486 · 0.0140 / 0.02)² = 3.0 times the baskets: 200 more.
    assert verdict.margin_tests[0].additional_cases == pytest.approx(200, abs=20)


def test_the_same_configuration_only_fresher_may_be_as_good():
    equal_comparison = comparison(challenger=case_scores(50), champion=case_scores(50))
    assert decide_verdict(equal_comparison, PARAMS, same_configuration=True).released
    assert decide_verdict(equal_comparison, PARAMS, same_configuration=True).rule == "fresher"
    assert not decide_verdict(equal_comparison, PARAMS, same_configuration=False).released
    assert decide_verdict(equal_comparison, PARAMS, same_configuration=False).rule == "changed"


def test_the_same_configuration_is_refused_when_it_is_worse_by_more_than_the_margin():
    worse_comparison = comparison(challenger=case_scores(45), champion=case_scores(50))
    verdict = decide_verdict(worse_comparison, PARAMS, same_configuration=True)
    assert not verdict.released
    assert verdict.margin_tests[0].threshold == pytest.approx(-0.01)
    assert verdict.sentence.startswith(
        "Not released: the new model is not shown to be as good as the released model (NDCG@10 0.4500 against"
    )


def test_a_verdict_names_the_number_of_baskets_that_an_equal_model_needs():
    # Each wins 10 of 100: the difference of a case is ±1 for 20 of 100, its deviation 0.447, the standard error 0.0447.
    # The margin is 2 % of 0.5: (2.486 · 0.0447 / 0.01)² = 124 times as many baskets are needed.
    hits = np.zeros((100, 10), dtype=bool)
    hits[:40, 0] = True
    hits[50:60, 0] = True
    other = CaseScores(hits.astype(np.int64), hits, np.ones(100, dtype=np.int64))
    verdict = decide_verdict(comparison(challenger=other, champion=case_scores(50)), PARAMS, same_configuration=True)
    assert not verdict.released
    assert verdict.margin_tests[0].additional_cases == pytest.approx(12_300, rel=0.08)
    assert "; an equally good model would need about 12,000 more baskets to pass)" in verdict.sentence


def test_with_enough_baskets_the_verdict_requires_no_more():
    # The difference of a case is 0 for all but one: the standard error is 0.0001, and 2 % of 0.5 are 0.01.
    hits = np.zeros((10_000, 10), dtype=bool)
    hits[:4000, 0] = True
    worse_scores = CaseScores(hits.astype(np.int64), hits, np.ones(10_000, dtype=np.int64))
    verdict = decide_verdict(
        comparison(challenger=worse_scores, champion=case_scores(5000, 10_000)), PARAMS, same_configuration=True
    )
    assert not verdict.released
    assert verdict.margin_tests[0].additional_cases is None
    assert "more baskets" not in verdict.sentence


def test_a_changed_configuration_that_is_better_is_released():
    verdict = decide_verdict(comparison(challenger=case_scores(70), champion=case_scores(50)), PARAMS)
    assert verdict.released
    assert verdict.sentence.startswith("Released: the new model is better than the released model (NDCG@10 0.70")


def test_a_champion_that_has_aged_below_the_baselines_is_not_enough_to_beat():
    verdict = decide_verdict(
        comparison(
            challenger=case_scores(70), champion=case_scores(50), popular=case_scores(10), item_to_item=case_scores(99)
        ),
        PARAMS,
    )
    assert not verdict.released
    assert [(m.reference, m.claim, m.passed) for m in verdict.margin_tests] == [
        (CHAMPION, "better", True),
        (POPULAR, "no worse", True),
        (ITEM_KNN, "no worse", False),
    ]
    assert "is not shown to be as good as item-to-item kNN (NDCG@10 0.7000" in verdict.sentence


def test_with_a_champion_a_baseline_need_not_be_beaten():
    for same in (True, False):
        as_good = comparison(challenger=case_scores(70), champion=case_scores(50), item_to_item=case_scores(70))
        assert decide_verdict(as_good, PARAMS, same_configuration=same).released


def test_baskets_of_a_single_shopper_do_not_release():
    one_shopper = comparison(
        np.zeros(2023, dtype=np.int64), challenger=case_scores(2000, 2023), popular=case_scores(0, 2023)
    )
    verdict = decide_verdict(one_shopper, PARAMS)
    assert not verdict.released
    assert (verdict.n_cases, verdict.n_shoppers) == (2023, 1)
    assert verdict.sentence == (
        "Not released: the 2,023 held-out baskets are of only 1 shopper, at least 10 are needed. "
        "Train a new model when more days have landed, or hold out more days."
    )


def test_a_shopper_with_most_of_the_baskets_does_not_pass_for_many():
    # 901 of 1,000 baskets are of the first shopper: (Σ n)² / Σ n² = 1,000² / (901² + 99) = 1.2 shoppers.
    shopper_index = np.maximum(np.arange(1000) - 900, 0)
    verdict = decide_verdict(
        comparison(shopper_index, challenger=case_scores(950, 1000), popular=case_scores(0, 1000)), PARAMS
    )
    assert not verdict.released
    assert (
        "are of only 100 shoppers (effectively 1, because their numbers of baskets differ), at least 10 are"
        in verdict.sentence
    )


def test_baskets_of_few_shoppers_are_less_certain():
    # 60 baskets better, 40 worse: significant with 100 shoppers, not with five shoppers of 20 baskets each.
    better_scores, worse_scores = case_scores(60), case_scores(40)
    worse_scores = CaseScores(worse_scores.lists[::-1], worse_scores.hits[::-1], worse_scores.n_targets)
    params = EvaluationParams(min_cases=10, min_shoppers=5)
    assert decide_verdict(comparison(challenger=better_scores, champion=worse_scores), params).released
    assert not decide_verdict(
        comparison(np.arange(100) // 20, challenger=better_scores, champion=worse_scores), params
    ).released


def test_too_few_cases_are_refused_with_the_reason():
    few_cases = comparison(challenger=case_scores(5, 9), popular=case_scores(0, 9), item_to_item=case_scores(0, 9))
    verdict = decide_verdict(few_cases, PARAMS)
    assert not verdict.released
    assert verdict.sentence == (
        "Not released: only 9 held-out baskets, at least 10 are needed. "
        "Train a new model when more days have landed, or hold out more days."
    )


def test_no_case_at_all_is_refused_too():
    no_cases = comparison(challenger=case_scores(0, 0), popular=case_scores(0, 0), item_to_item=case_scores(0, 0))
    assert not decide_verdict(no_cases, PARAMS).released


def test_the_verdict_is_the_same_every_time():
    model_comparison = comparison(challenger=case_scores(55), champion=case_scores(50))
    assert decide_verdict(model_comparison, PARAMS) == decide_verdict(model_comparison, PARAMS)
