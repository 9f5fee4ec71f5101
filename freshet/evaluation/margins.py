"""The challenger against each of the others: the paired differences that a verdict is read from, and their bounds."""

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Final, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from freshet.data.history import Ints
from freshet.evaluation.bootstrap import shopper_bootstrap
from freshet.evaluation.comparison import CHALLENGER, Comparison
from freshet.evaluation.metrics import Values, ndcg
from freshet.evaluation.params import EvaluationParams

Claim = Literal["better", "no worse"]

TEST_POWER: Final = 0.8  # of equally good models, or of such as the difference says, so many are to be released


class ConfidenceInterval(NamedTuple):
    """A mean NDCG and the two-sided interval that it lies in."""

    mean: float
    low: float
    high: float


class MarginTest(BaseModel):
    """The challenger against one other, over the same cases."""

    model_config = ConfigDict(frozen=True)

    reference: str
    challenger_ndcg: float  # mean NDCG
    reference_ndcg: float
    difference: float
    lower_bound: float  # one-sided bound of the mean difference
    threshold: float  # the bound must be above this
    passed: bool
    claim: Claim = "better"
    additional_cases: int | None = None  # where it did not pass for want of baskets: how many more it would take


def run_margin_tests(
    comparison: Comparison, claims: Mapping[str, Claim], params: EvaluationParams
) -> tuple[MarginTest, ...]:
    """Of every claim the mean of challenger − (1 − margin) · other, whose lower bound must be above 0."""
    challenger_ndcg = _case_ndcg(comparison, CHALLENGER, params)
    reference_ndcg = np.column_stack([_case_ndcg(comparison, reference_mean, params) for reference_mean in claims])
    margins = np.array([params.non_inferiority_margin if claim == "no worse" else 0.0 for claim in claims.values()])
    bounds, errors = lower_bounds(
        challenger_ndcg[:, None] - (1 - margins) * reference_ndcg, comparison.shopper_index, params
    )
    rows = zip(claims.items(), reference_ndcg.mean(axis=0), margins, bounds, errors, strict=True)
    return tuple(
        _margin_test(
            reference,
            claim,
            float(challenger_ndcg.mean()),
            float(other),
            float(margin * other),
            float(bound),
            float(error),
            len(challenger_ndcg),
            params,
        )
        for (reference, claim), other, margin, bound, error in rows
    )


def _margin_test(
    reference: str,
    claim: Claim,
    challenger_ndcg: float,
    reference_ndcg: float,
    allowance: float,
    lower_bound: float,
    standard_error: float,
    n_cases: int,
    params: EvaluationParams,
) -> MarginTest:
    """bound: of the difference plus `room`, the amount by which the challenger may be worse."""
    passed = lower_bound > 0
    expected_excess = (
        allowance if claim == "no worse" else challenger_ndcg - reference_ndcg
    )  # of an equally good model; of one as good as it looks
    n_required = (
        required_cases(standard_error, expected_excess, n_cases, params.confidence)
        if expected_excess > 0 and not passed
        else 0
    )
    return MarginTest(
        reference=reference,
        challenger_ndcg=challenger_ndcg,
        reference_ndcg=reference_ndcg,
        difference=challenger_ndcg - reference_ndcg,
        lower_bound=lower_bound - allowance,
        threshold=0.0 - allowance,  # not -0.0
        passed=passed,
        claim=claim,
        additional_cases=n_required - n_cases if n_required > n_cases else None,
    )


def lower_bounds(columns: Values, shopper_index: Ints, params: EvaluationParams) -> tuple[Values, Values]:
    """((S,) one-sided lower bounds of the means of (C, S) columns, (S,) standard errors): percentile bootstrap."""
    means = shopper_bootstrap(columns, shopper_index, params.bootstrap_samples, np.random.default_rng(params.seed))
    return np.quantile(means, 1 - params.confidence, axis=0), means.std(axis=0)


def ndcg_intervals(comparison: Comparison, params: EvaluationParams) -> dict[str, ConfidenceInterval]:
    """Scorer → its mean NDCG and that mean's interval, two-sided at `params.confidence`; {} without cases.

    Percentile bootstrap over the shoppers, as in the verdict. The intervals of two scorers may overlap although
    one is surely better: they are asked the same cases, and the verdict reads their differences.
    """
    if not len(comparison.shopper_index):
        return {}
    columns = np.column_stack([_case_ndcg(comparison, name, params) for name in comparison.scores])
    means = shopper_bootstrap(
        columns, comparison.shopper_index, params.bootstrap_samples, np.random.default_rng(params.seed)
    )
    tail_probability = (1 - params.confidence) / 2
    low, high = np.quantile(means, [tail_probability, 1 - tail_probability], axis=0)
    mean_ndcg = columns.mean(axis=0)
    return {
        name: ConfidenceInterval(float(mean_ndcg[n]), float(low[n]), float(high[n]))
        for n, name in enumerate(comparison.scores)
    }


def required_cases(standard_error: float, effect: float, n_cases: int, confidence: float) -> int:
    """With how many baskets like these a mean that lies `room` above what is needed is shown to, POWER of the times.

    error: standard error of the mean over `cases` baskets. n = cases · ((z_confidence + z_POWER) · error / room)².
    """
    z_sum = NormalDist().inv_cdf(confidence) + NormalDist().inv_cdf(TEST_POWER)
    return math.ceil(n_cases * (z_sum * standard_error / effect) ** 2)


def _case_ndcg(comparison: Comparison, name: str, params: EvaluationParams) -> Values:
    scores = comparison.scores[name]
    return ndcg(scores.hits, scores.n_targets, params.ndcg_k)
