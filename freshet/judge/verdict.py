"""The verdict: may the challenger serve? Decided by a paired bootstrap, said in words."""

from typing import Final, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from freshet.judge.comparison import CHALLENGER, CHAMPION, ITEM_TO_ITEM, POPULAR, Comparison
from freshet.judge.metrics import Values, ndcg

Rule = Literal["first", "fresher", "changed"]

NAMES: Final = {
    POPULAR: "what is popular",
    ITEM_TO_ITEM: "what goes with what (item-to-item)",
    CHAMPION: "the model that serves now",
}


class JudgeParams(BaseModel):
    """How a challenger is judged."""

    model_config = ConfigDict(frozen=True)

    ndcg_k: int = Field(10, ge=1, description="the verdict reads NDCG at this k")
    confidence: float = Field(0.95, gt=0.5, lt=1, description="confidence of the one-sided lower bound")
    margin: float = Field(
        0.02, ge=0, lt=1, description="a model that is only fresher may be worse by this share of the champion's NDCG"
    )
    samples: int = Field(2000, ge=100, description="bootstrap samples")
    seed: int = Field(20, description="of the bootstrap")
    minimum_cases: int = Field(100, ge=2, description="with fewer baskets to ask for nothing is released")
    most_cases: int = Field(
        20_000, ge=2, description="of more baskets a random sample is asked for, the same for everybody"
    )


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


class Verdict(BaseModel):
    """A decision with its reasons."""

    model_config = ConfigDict(frozen=True)

    released: bool
    rule: Rule
    sentence: str
    reasons: tuple[str, ...]
    margins: tuple[Margin, ...]
    cases: int
    held: tuple[str, ...] = ()  # why a person must look first; not empty: `released` is false
    warnings: tuple[str, ...] = ()  # what to know, without it deciding anything

    @property
    def passed(self) -> bool:
        """Whether the statistics alone would release it, whatever holds it."""
        return bool(self.margins) and all(margin.passed for margin in self.margins)


def decide(comparison: Comparison, params: JudgeParams, *, same_configuration: bool = False) -> Verdict:
    """Whether the challenger is released.

    The first release must beat both baselines. A challenger of the champion's configuration, only fresher, must not be
    worse by more than a margin; one of a changed configuration must be better. same_configuration is read only
    where there is a champion.
    """
    cases = comparison.evaluation.cases
    has_champion = CHAMPION in comparison.scores
    rule: Rule = "first" if not has_champion else "fresher" if same_configuration else "changed"
    if cases < params.minimum_cases:
        return _too_few(rule, cases, params)
    margins = tuple(_margin(comparison, other, rule, params) for other in _others(rule))
    reasons = tuple(_reason(margin, rule, params) for margin in margins)
    released = all(margin.passed for margin in margins)
    head = "Released" if released else "Not released"
    sentence = f"{head}: {'; '.join(reasons)} ({cases} baskets asked for)."
    return Verdict(released=released, rule=rule, sentence=sentence, reasons=reasons, margins=margins, cases=cases)


def lower_bound(differences: Values, params: JudgeParams) -> float:
    """The one-sided lower bound of the mean of (C,) paired differences: percentile bootstrap (Efron 1979).

    The same cases are drawn for both sides, so what makes a case hard for everybody cancels out.
    """
    generator = np.random.default_rng(params.seed)
    size = len(differences)
    means = [differences[generator.integers(0, size, size)].mean() for _ in range(params.samples)]
    return float(np.quantile(means, 1 - params.confidence))


def intervals(comparison: Comparison, params: JudgeParams) -> dict[str, Interval]:
    """Scorer → its mean NDCG and that mean's interval, two-sided at `params.confidence`; {} without cases.

    Percentile bootstrap over the cases, the draws of `lower_bound`. The intervals of two scorers may overlap although
    one is surely better: they are asked the same cases, and the verdict reads their differences.
    """
    rows = np.stack([ndcg(scores.hits, scores.sizes, params.ndcg_k) for scores in comparison.scores.values()])
    size = rows.shape[1]
    if not size:
        return {}
    generator = np.random.default_rng(params.seed)
    means = np.stack([rows[:, generator.integers(0, size, size)].mean(axis=1) for _ in range(params.samples)])
    outside = (1 - params.confidence) / 2
    low, high = np.quantile(means, [outside, 1 - outside], axis=0)
    best = rows.mean(axis=1)
    return {name: Interval(float(best[n]), float(low[n]), float(high[n])) for n, name in enumerate(comparison.scores)}


def _others(rule: Rule) -> tuple[str, ...]:
    return (POPULAR, ITEM_TO_ITEM) if rule == "first" else (CHAMPION,)


def _margin(comparison: Comparison, other: str, rule: Rule, params: JudgeParams) -> Margin:
    mine, theirs = (
        ndcg(scores.hits, scores.sizes, params.ndcg_k)
        for scores in (comparison.scores[CHALLENGER], comparison.scores[other])
    )
    lower = lower_bound(mine - theirs, params)
    needed = -params.margin * float(theirs.mean()) if rule == "fresher" else 0.0
    return Margin(
        against=other,
        challenger=float(mine.mean()),
        other=float(theirs.mean()),
        difference=float((mine - theirs).mean()),
        lower=lower,
        needed=needed,
        passed=lower > needed,
    )


def _reason(margin: Margin, rule: Rule, params: JudgeParams) -> str:
    """One half-sentence that a shop owner understands, with the figures in brackets."""
    sure = f"{params.confidence:.0%} sure"
    if rule == "fresher":
        claim = "is no worse than" if margin.passed else "may be worse than"
    else:
        claim = "is better than" if margin.passed else "is not surely better than"
    figures = (
        f"NDCG@{params.ndcg_k} {margin.challenger:.4f} against {margin.other:.4f}, "
        f"difference at least {margin.lower:+.4f}, {sure}, needed above {margin.needed:+.4f}"
    )
    return f"the new model {claim} {NAMES[margin.against]} ({figures})"


def _too_few(rule: Rule, cases: int, params: JudgeParams) -> Verdict:
    reason = f"only {cases} baskets to ask for, {params.minimum_cases} are needed to tell luck from merit"
    sentence = f"Not released: {reason}. Judge again when more has landed, or hold out more days."
    return Verdict(released=False, rule=rule, sentence=sentence, reasons=(reason,), margins=(), cases=cases)
