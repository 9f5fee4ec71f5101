"""Confidence intervals of the scorers, and the number of baskets that a margin test needs."""

import numpy as np
import pytest

from freshet.evaluation.comparison import CHALLENGER, POPULAR, Comparison
from freshet.evaluation.evaluate import CaseScores
from freshet.evaluation.margins import ndcg_intervals, required_cases
from freshet.evaluation.params import EvaluationParams

PARAMS = EvaluationParams()


def case_scores(n_hits, cases=100):
    """Cases with one target each; the first `good` of them are hit at the first place: mean NDCG = good / cases."""
    hits = np.zeros((cases, 10), dtype=bool)
    hits[:n_hits, 0] = True
    return CaseScores(hits.astype(np.int64), hits, np.ones(cases, dtype=np.int64))


def comparison(owners, **scores):
    names = {"challenger": CHALLENGER, "popular": POPULAR}
    return Comparison(None, {names[name]: value for name, value in scores.items()}, owners)


def test_each_scorer_has_its_mean_and_the_interval_around_it():
    actual = ndcg_intervals(comparison(np.arange(100), challenger=case_scores(50), popular=case_scores(10)), PARAMS)
    # The mean of 100 draws with p = 0.5 lies within 0.5 ± 1.96 · 0.05 in 95 of 100 cases; with p = 0.1 within ± 0.0588.
    assert actual[CHALLENGER] == pytest.approx((0.5, 0.402, 0.598), abs=0.01)
    assert actual[POPULAR] == pytest.approx((0.1, 0.041, 0.159), abs=0.01)


def test_equal_scores_have_an_interval_of_no_width():
    assert ndcg_intervals(comparison(np.arange(100), challenger=case_scores(100)), PARAMS) == {
        CHALLENGER: (1.0, 1.0, 1.0)
    }


def test_without_cases_there_are_no_intervals():
    assert ndcg_intervals(comparison(np.arange(0), challenger=case_scores(0, cases=0)), PARAMS) == {}


def test_an_interval_is_as_wide_as_few_shoppers_make_it():
    one_each, four_each = (
        ndcg_intervals(comparison(owners, challenger=case_scores(50)), PARAMS)[CHALLENGER]
        for owners in (np.arange(100), np.arange(100) // 25)
    )
    # Four shoppers, two of whom are always served well: the mean of four draws with p = 0.5, 0.25 standard errors.
    assert one_each.high - one_each.low == pytest.approx(0.196, abs=0.02)
    assert (four_each.low, four_each.high) == (0.0, 1.0)


def test_four_times_the_error_needs_sixteen_times_the_baskets():
    # z of 95 % is 1.645, of 80 % it is 0.842: 100 · (2.486 · 0.01 / 0.02)² = 154.6.
    assert required_cases(0.01, 0.02, 100, 0.95) == 155
    assert required_cases(0.04, 0.02, 100, 0.95) == 2474
