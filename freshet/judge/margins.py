"""The challenger against each of the others: the paired differences that a verdict is read from, and their bounds."""

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Final, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from freshet.history import Ints
from freshet.judge.bootstrap import shopper_bootstrap
from freshet.judge.comparison import CHALLENGER, Comparison
from freshet.judge.metrics import Values, ndcg
from freshet.judge.params import JudgeParams

Claim = Literal["better", "no worse"]

POWER: Final = 0.8  # of equally good models, or of such as the difference says, so many are to be released


class Interval(NamedTuple):
    """A mean NDCG and the two-sided interval that it lies in."""

    mean: float
    low: float
    high: float


class Margin(BaseModel):
    """The challenger against one other, over the same cases."""

    model_config = ConfigDict(frozen=True)

    against: str
    challenger: float  # mean NDCG
    other: float
    difference: float
    lower: float  # one-sided bound of the mean difference
    needed: float  # the bound must be above this
    passed: bool
    claim: Claim = "better"
    more_cases: int | None = None  # where it did not pass for want of baskets: how many more it would take


def paired_margins(comparison: Comparison, claims: Mapping[str, Claim], params: JudgeParams) -> tuple[Margin, ...]:
    """Of every claim the mean of challenger − (1 − margin) · other, whose lower bound must be above 0."""
    mine = _ndcg(comparison, CHALLENGER, params)
    theirs = np.column_stack([_ndcg(comparison, other, params) for other in claims])
    allowed = np.array([params.margin if claim == "no worse" else 0.0 for claim in claims.values()])
    bounds, errors = lower_bounds(mine[:, None] - (1 - allowed) * theirs, comparison.owners, params)
    rows = zip(claims.items(), theirs.mean(axis=0), allowed, bounds, errors, strict=True)
    return tuple(
        _margin(against, claim, float(mine.mean()), float(other), float(share * other), float(bound), float(error),
                len(mine), params)
        for (against, claim), other, share, bound, error in rows
    )  # fmt: skip


def _margin(
    against: str, claim: Claim, mine: float, other: float, room: float, bound: float, error: float, cases: int,
    params: JudgeParams,
) -> Margin:  # fmt: skip
    """bound: of the difference plus `room`, the amount by which the challenger may be worse."""
    passed = bound > 0
    expected = room if claim == "no worse" else mine - other  # of an equally good model; of one as good as it looks
    enough = cases_needed(error, expected, cases, params.confidence) if expected > 0 and not passed else 0
    return Margin(
        against=against,
        challenger=mine,
        other=other,
        difference=mine - other,
        lower=bound - room,
        needed=0.0 - room,  # not -0.0
        passed=passed,
        claim=claim,
        more_cases=enough - cases if enough > cases else None,
    )


def lower_bounds(columns: Values, owners: Ints, params: JudgeParams) -> tuple[Values, Values]:
    """((S,) one-sided lower bounds of the means of (C, S) columns, (S,) standard errors): percentile bootstrap."""
    means = shopper_bootstrap(columns, owners, params.samples, np.random.default_rng(params.seed))
    return np.quantile(means, 1 - params.confidence, axis=0), means.std(axis=0)


def intervals(comparison: Comparison, params: JudgeParams) -> dict[str, Interval]:
    """Scorer → its mean NDCG and that mean's interval, two-sided at `params.confidence`; {} without cases.

    Percentile bootstrap over the shoppers, as in the verdict. The intervals of two scorers may overlap although
    one is surely better: they are asked the same cases, and the verdict reads their differences.
    """
    if not len(comparison.owners):
        return {}
    columns = np.column_stack([_ndcg(comparison, name, params) for name in comparison.scores])
    means = shopper_bootstrap(columns, comparison.owners, params.samples, np.random.default_rng(params.seed))
    outside = (1 - params.confidence) / 2
    low, high = np.quantile(means, [outside, 1 - outside], axis=0)
    best = columns.mean(axis=0)
    return {name: Interval(float(best[n]), float(low[n]), float(high[n])) for n, name in enumerate(comparison.scores)}


def cases_needed(error: float, room: float, cases: int, confidence: float) -> int:
    """With how many baskets like these a mean that lies `room` above what is needed is shown to, POWER of the times.

    error: standard error of the mean over `cases` baskets. n = cases · ((z_confidence + z_POWER) · error / room)².
    """
    quantiles = NormalDist().inv_cdf(confidence) + NormalDist().inv_cdf(POWER)
    return math.ceil(cases * (quantiles * error / room) ** 2)


def _ndcg(comparison: Comparison, name: str, params: JudgeParams) -> Values:
    scores = comparison.scores[name]
    return ndcg(scores.hits, scores.sizes, params.ndcg_k)
