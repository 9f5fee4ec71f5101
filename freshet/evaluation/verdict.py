"""The verdict: may the challenger serve? Decided by paired differences over shoppers, said in words."""

import math
from typing import Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from freshet.evaluation.bootstrap import effective_shoppers
from freshet.evaluation.comparison import CHAMPION, ITEM_KNN, POPULAR, SEQUENTIAL_RULES, Comparison
from freshet.evaluation.margins import Claim, MarginTest, run_margin_tests
from freshet.evaluation.params import EvaluationParams

VerdictRule = Literal["first", "fresher", "changed"]

TESTED_BASELINES: Final = (POPULAR, ITEM_KNN, SEQUENTIAL_RULES)
# Where only the last event matters the rules are the best there can be, and the model holds them: as good is enough.
BLENDED_BASELINES: Final = (SEQUENTIAL_RULES,)
SCORER_LABELS: Final = {
    POPULAR: "what is popular",
    ITEM_KNN: "what goes with what (item-to-item)",
    SEQUENTIAL_RULES: "what comes after what (sequential rules)",
    CHAMPION: "the model that serves now",
}


class Verdict(BaseModel):
    """A decision with its reasons."""

    model_config = ConfigDict(frozen=True)

    released: bool
    rule: VerdictRule
    sentence: str
    reasons: tuple[str, ...]
    margin_tests: tuple[MarginTest, ...]
    n_cases: int
    n_shoppers: int = 0  # whose baskets they are; 0 in verdicts of before they were counted
    holds: tuple[str, ...] = ()  # why a person must look first; not empty: `released` is false
    warnings: tuple[str, ...] = ()  # what to know, without it deciding anything

    @property
    def passed(self) -> bool:
        """Whether the statistics alone would release it, whatever holds it."""
        return bool(self.margin_tests) and all(margin.passed for margin in self.margin_tests)

    @property
    def is_held(self) -> bool:
        """Whether nothing but a person's word is missing."""
        return bool(self.holds) and self.passed


def decide_verdict(comparison: Comparison, params: EvaluationParams, *, same_configuration: bool = False) -> Verdict:
    """Whether the challenger is released.

    The first release must beat what is popular and item-to-item, and be no worse than sequential rules by a margin.
    After it, a challenger of the champion's configuration, only fresher, must not be worse than the champion by more
    than the margin, one of a changed configuration must be better; and neither may be worse than a baseline by more
    than the margin, however far the champion has aged. All of it must hold, so asking more never makes a wrong release
    likelier (intersection-union test, Berger 1982).
    same_configuration is read only where there is a champion.
    """
    has_champion = CHAMPION in comparison.scores
    rule: VerdictRule = "first" if not has_champion else "fresher" if same_configuration else "changed"
    if shortage := _data_shortage(comparison, params):
        return _shortage_verdict(rule, shortage, comparison)
    margin_tests = run_margin_tests(comparison, _claims(rule, comparison), params)
    reasons = tuple(_reason(margin, params) for margin in margin_tests)
    released = all(margin.passed for margin in margin_tests)
    n_cases, n_shoppers = len(comparison.shopper_index), _count_shoppers(comparison)
    outcome = "Released" if released else "Not released"
    sentence = f"{outcome}: {'; '.join(reasons)} ({n_cases:,} baskets of {n_shoppers:,} shoppers asked for)."
    return Verdict(
        released=released,
        rule=rule,
        sentence=sentence,
        reasons=reasons,
        margin_tests=margin_tests,
        n_cases=n_cases,
        n_shoppers=n_shoppers,
    )


def _claims(rule: VerdictRule, comparison: Comparison) -> dict[str, Claim]:
    """What has to be shown against whom; baselines that the bundle lacks are not asked."""
    baselines: dict[str, Claim] = {
        name: "better" if rule == "first" and name not in BLENDED_BASELINES else "no worse"
        for name in TESTED_BASELINES
        if name in comparison.scores
    }
    if rule == "first":
        return baselines
    return {CHAMPION: "no worse" if rule == "fresher" else "better", **baselines}


def _reason(test: MarginTest, params: EvaluationParams) -> str:
    """One half-sentence that a shop owner understands, with the figures in brackets."""
    confidence_text = f"{params.confidence:.0%} sure"
    if test.claim == "no worse":
        claim = "is no worse than" if test.passed else "is not shown to be as good as"
    else:
        claim = "is better than" if test.passed else "is not shown to be better than"
    figures = (
        f"NDCG@{params.ndcg_k} {test.challenger_ndcg:.4f} against {test.reference_ndcg:.4f}, "
        f"difference at least {test.lower_bound:+.4f}, {confidence_text}, needed above {test.threshold:+.4f}{_more_cases_hint(test)}"
    )
    return f"the new model {claim} {SCORER_LABELS[test.reference]} ({figures})"


def _more_cases_hint(test: MarginTest) -> str:
    """What would have shown it: the advice that belongs to a claim that did not pass."""
    if test.additional_cases is None:
        return ""
    subject = "an equally good model" if test.claim == "no worse" else "a difference like this"
    return f"; {subject} needs about {_round_up(test.additional_cases):,} more baskets to show it"


def _round_up(number: int) -> int:
    """Two digits: more would promise what an estimate cannot hold."""
    unit = int(10 ** max(0, len(str(number)) - 2))
    return math.ceil(number / unit) * unit


def _data_shortage(comparison: Comparison, params: EvaluationParams) -> str:
    """Why luck cannot be told from merit; "" where it can."""
    n_cases, n_shoppers, effective = (
        len(comparison.shopper_index),
        _count_shoppers(comparison),
        effective_shoppers(comparison.shopper_index),
    )
    if n_cases < params.min_cases:
        return f"only {n_cases} baskets to ask for, {params.min_cases} are needed to tell luck from merit"
    if effective >= params.min_shoppers:
        return ""
    imbalance_text = f", so unevenly that they count as {effective:.0f}" if round(effective) < n_shoppers else ""
    shopper_text = f"{n_shoppers:,} {'shopper' if n_shoppers == 1 else 'shoppers'}{imbalance_text}"
    requirement = f"{params.min_shoppers} are needed to tell luck from merit"
    return f"the {n_cases:,} baskets to ask for are of only {shopper_text}; {requirement}"


def _shortage_verdict(rule: VerdictRule, reason: str, comparison: Comparison) -> Verdict:
    return Verdict(
        released=False,
        rule=rule,
        sentence=f"Not released: {reason}. Make a new model when more has landed, or hold out more days.",
        reasons=(reason,),
        margin_tests=(),
        n_cases=len(comparison.shopper_index),
        n_shoppers=_count_shoppers(comparison),
    )


def _count_shoppers(comparison: Comparison) -> int:
    return len(np.unique(comparison.shopper_index))
