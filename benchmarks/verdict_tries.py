"""Repeated tries: several models, each worse by the margin, evaluated on the same days until one is released."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.report import print_progress
from benchmarks.verdict_outcomes import ModelPair, degrade, draw_outcomes
from freshet.evaluation.margins import lower_bounds
from freshet.evaluation.params import EvaluationParams

N_TRIES: Final = 10
BASKET_SKEW: Final = 0.8


@dataclass(frozen=True)
class RepeatedTries:
    """Share of windows with a wrong release by the k-th model."""

    pair: str
    n_baskets: int
    true_loss: float  # share of its NDCG that each model lacks
    wrong_release_by_try: tuple[float, ...]  # every model gets a verdict
    wrong_release_first_only: float  # one verdict per window and champion; the other models wait for a person


def simulate_tries(pair: ModelPair, n_baskets: int, n_runs: int, params: EvaluationParams, seed: int) -> RepeatedTries:
    """The share of `n_runs` windows in which one of the first k models is released, k = 1 … N_TRIES."""
    rng = np.random.default_rng([seed, n_baskets, N_TRIES])
    passed = np.zeros((n_runs, N_TRIES), dtype=bool)
    for run in range(n_runs):
        outcomes = draw_outcomes(pair, n_baskets, BASKET_SKEW, 1 + N_TRIES, rng)
        differences = (
            degrade(outcomes.values[:, 1:], params.non_inferiority_margin, rng)
            - (1 - params.non_inferiority_margin) * outcomes.values[:, :1]
        )
        passed[run] = lower_bounds(differences, outcomes.owners, params)[0] > 0
    by_try = np.maximum.accumulate(passed, axis=1).mean(axis=0)
    result = RepeatedTries(
        pair.name, n_baskets, params.non_inferiority_margin, tuple(by_try.round(4).tolist()), round(float(by_try[0]), 4)
    )
    print_progress(str(result))
    return result
