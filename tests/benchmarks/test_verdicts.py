"""The benchmark of verdicts: its outcomes have the distribution they should, and it sees wrong releases."""

import numpy as np
import pytest

from benchmarks import verdicts
from benchmarks.verdict_nights import simulate_nights
from benchmarks.verdict_outcomes import CLICKS_PAIR, CLUSTERED_PAIR, degrade, draw_outcomes, draw_owners
from benchmarks.verdict_tries import simulate_tries
from freshet.evaluation.bootstrap import effective_shoppers
from freshet.evaluation.params import EvaluationParams

PARAMS = EvaluationParams(bootstrap_samples=200)
PAIR = CLICKS_PAIR


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_equal_models_have_the_mean_of_the_real_shop(rng):
    values = draw_outcomes(PAIR, 100_000, 0.0, 2, rng).values
    assert values.mean(axis=0) == pytest.approx([PAIR.mean, PAIR.mean], rel=0.01)


def test_a_model_worse_by_a_share_has_an_ndcg_lower_by_it(rng):
    values = draw_outcomes(PAIR, 100_000, 0.0, 1, rng).values[:, 0]
    assert degrade(values, 0.05, rng).mean() / values.mean() == pytest.approx(0.95, abs=0.005)


def test_with_skew_many_baskets_belong_to_few_shoppers(rng):
    assert draw_owners(5, 0.0, rng).tolist() == [0, 1, 2, 3, 4]
    assert effective_shoppers(draw_owners(3000, 1.6, rng)) < 300


def test_resampling_baskets_releases_more_wrongly_than_resampling_shoppers():
    point = verdicts.verdict_point(CLUSTERED_PAIR, "a few each", 1_000, 100, PARAMS, seed=1)
    assert point.released_by_baskets[2] > point.released[2]
    assert point.released[2] <= 0.08  # 5 % are allowed; of 100 verdicts 8 are within chance
    assert point.released[3] <= point.released[2] <= point.released[0]


def test_the_best_of_ten_models_passes_more_often_than_one():
    tries = simulate_tries(PAIR, 500, 60, PARAMS, seed=1)
    assert tries.wrong_release_first_only == tries.wrong_release_by_try[0]
    assert tries.wrong_release_by_try[-1] > tries.wrong_release_first_only


def test_a_pipeline_that_loses_every_night_is_noticed_only_beside_the_baselines():
    champion_only, with_baselines = simulate_nights(PAIR, 6_000, 60, 1, PARAMS, seed=1)
    assert (champion_only.lowest_released < 0.8, champion_only.noticed_night) == (True, 61)
    assert with_baselines.lowest_released > 0.85
    assert with_baselines.noticed_night < 60
