"""Margin tests: the challenger against each reference, by the lower bound of their paired difference in NDCG."""

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import ClassVar, Final, Literal, NamedTuple

import numpy as np

from freshet.artifacts import StoredModel
from freshet.data.history import Ints
from freshet.evaluation.bootstrap import shopper_bootstrap
from freshet.evaluation.comparison import CHALLENGER, Comparison
from freshet.evaluation.metrics import Values
from freshet.evaluation.params import EvaluationParams

Claim = Literal["better", "no worse"]

TEST_POWER: Final = 0.8  # share of models with the assumed difference that the estimated number of cases would pass


class ConfidenceInterval(NamedTuple):
    """A mean NDCG and its two-sided confidence interval."""

    mean: float
    low: float
    high: float


class MarginTest(StoredModel):
    """The test of the challenger against one reference on the same cases."""

    former_names: ClassVar[Mapping[str, str]] = {
        "reference": "against",
        "challenger_ndcg": "challenger",
        "reference_ndcg": "other",
        "lower_bound": "lower",
        "threshold": "needed",
        "additional_cases": "more_cases",
    }

    reference: str
    challenger_ndcg: float  # mean NDCG
    reference_ndcg: float
    difference: float
    lower_bound: float  # one-sided bound of the mean difference
    threshold: float  # the bound must be above this
    passed: bool
    claim: Claim = "better"
    additional_cases: int | None = None  # estimated number of further baskets to pass; None if it would not help


def run_margin_tests(
    comparison: Comparison, claims: Mapping[str, Claim], params: EvaluationParams
) -> tuple[MarginTest, ...]:
    """Test every claim: the lower bound of the mean of challenger − (1 − margin) · reference must be above 0."""
    challenger_ndcg = comparison.scores[CHALLENGER].ndcg(params.ndcg_k)
    reference_ndcg = np.column_stack([comparison.scores[name].ndcg(params.ndcg_k) for name in claims])
    margins = np.array([params.non_inferiority_margin if claim == "no worse" else 0.0 for claim in claims.values()])
    bounds, errors = lower_bounds(
        challenger_ndcg[:, None] - (1 - margins) * reference_ndcg, comparison.shopper_index, params
    )
    reference_means = reference_ndcg.mean(axis=0)
    rows = zip(claims.items(), reference_means, margins * reference_means, bounds, errors, strict=True)
    return tuple(
        _margin_test(
            reference=reference,
            claim=claim,
            challenger_ndcg=float(challenger_ndcg.mean()),
            reference_ndcg=float(reference_mean),
            allowance=float(allowance),
            excess_bound=float(bound),
            standard_error=float(error),
            n_cases=len(challenger_ndcg),
            confidence=params.confidence,
        )
        for (reference, claim), reference_mean, allowance, bound, error in rows
    )


def _margin_test(
    *,
    reference: str,
    claim: Claim,
    challenger_ndcg: float,
    reference_ndcg: float,
    allowance: float,
    excess_bound: float,
    standard_error: float,
    n_cases: int,
    confidence: float,
) -> MarginTest:
    """allowance: NDCG by which the challenger may be worse. excess_bound: lower bound of difference + allowance."""
    difference = challenger_ndcg - reference_ndcg
    # The excess of an equally good model, or of one as much better as it was measured.
    expected_excess = allowance if claim == "no worse" else difference
    additional_cases = None
    if excess_bound <= 0 < expected_excess:
        missing_cases = required_cases(standard_error, expected_excess, n_cases, confidence) - n_cases
        additional_cases = missing_cases if missing_cases > 0 else None
    return MarginTest(
        reference=reference,
        challenger_ndcg=challenger_ndcg,
        reference_ndcg=reference_ndcg,
        difference=difference,
        lower_bound=excess_bound - allowance,
        threshold=0.0 - allowance,  # not -0.0
        passed=excess_bound > 0,
        claim=claim,
        additional_cases=additional_cases,
    )


def lower_bounds(columns: Values, shopper_index: Ints, params: EvaluationParams) -> tuple[Values, Values]:
    """((S,) one-sided lower bounds of the means of (C, S) columns, (S,) standard errors): percentile bootstrap."""
    means = shopper_bootstrap(columns, shopper_index, params.bootstrap_samples, np.random.default_rng(params.seed))
    return np.quantile(means, 1 - params.confidence, axis=0), means.std(axis=0)


def ndcg_intervals(comparison: Comparison, params: EvaluationParams) -> dict[str, ConfidenceInterval]:
    """Scorer → its mean NDCG and that mean's interval, two-sided at `params.confidence`; {} without cases.

    Percentile bootstrap over shoppers, as in the verdict. The intervals of two scorers may overlap although one is
    significantly better: the verdict tests their paired differences.
    """
    if not len(comparison.shopper_index):
        return {}
    columns = np.column_stack([scores.ndcg(params.ndcg_k) for scores in comparison.scores.values()])
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
    """Return the number of cases with which a test of this effect passes with probability TEST_POWER.

    standard_error: of the mean over `n_cases`. n = n_cases · (z_sum · standard_error / effect)², z_sum: the sum of
    the normal quantiles of `confidence` and TEST_POWER.
    """
    z_sum = NormalDist().inv_cdf(confidence) + NormalDist().inv_cdf(TEST_POWER)
    return math.ceil(n_cases * (z_sum * standard_error / effect) ** 2)
