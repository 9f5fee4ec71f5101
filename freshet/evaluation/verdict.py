"""The verdict: whether the challenger is released, decided by margin tests and explained in sentences."""

import math
from collections.abc import Mapping
from typing import ClassVar, Final, Literal

import numpy as np

from freshet.artifacts import StoredModel
from freshet.evaluation.bootstrap import effective_shoppers
from freshet.evaluation.comparison import CHAMPION, ITEM_KNN, POPULAR, SEQUENTIAL_RULES, Comparison
from freshet.evaluation.margins import Claim, MarginTest, run_margin_tests
from freshet.evaluation.params import EvaluationParams

VerdictRule = Literal["first", "fresher", "changed"]

TESTED_BASELINES: Final = (POPULAR, ITEM_KNN, SEQUENTIAL_RULES)
# If only the last event matters, no model beats the rules; the model blends them in, so no worse is enough.
NON_INFERIORITY_BASELINES: Final = (SEQUENTIAL_RULES,)
SCORER_LABELS: Final = {
    POPULAR: "popular items",
    ITEM_KNN: "item-to-item kNN",
    SEQUENTIAL_RULES: "sequential rules",
    CHAMPION: "the released model",
}


class Verdict(StoredModel):
    """The decision about a challenger, with its reasons."""

    former_names: ClassVar[Mapping[str, str]] = {
        "margin_tests": "margins",
        "n_cases": "cases",
        "n_shoppers": "shoppers",
        "holds": "held",
    }

    released: bool
    rule: VerdictRule
    sentence: str
    reasons: tuple[str, ...]
    margin_tests: tuple[MarginTest, ...]
    n_cases: int
    n_shoppers: int = 0  # 0 in older verdicts, which did not count them
    holds: tuple[str, ...] = ()  # why a person must decide; `released` is false if there are any
    warnings: tuple[str, ...] = ()  # they do not change the decision

    @property
    def passed(self) -> bool:
        """Whether all margin tests passed, without regard to holds."""
        return bool(self.margin_tests) and all(margin.passed for margin in self.margin_tests)

    @property
    def is_held(self) -> bool:
        """Whether all tests passed and only a person's decision is missing."""
        return bool(self.holds) and self.passed


def decide_verdict(comparison: Comparison, params: EvaluationParams, *, same_configuration: bool = False) -> Verdict:
    """Decide whether the challenger is released.

    The first release must be better than popular items and item-to-item kNN, and no worse than sequential rules.
    After it, a challenger of the champion's configuration must be no worse than the champion, one of a changed
    configuration must be better; and both must be no worse than each baseline, however old the champion is. "No worse"
    allows the non-inferiority margin. All tests must pass, so that more tests never make a wrong release likelier
    (intersection-union test, Berger 1982).
    same_configuration: ignored without a champion.
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
    sentence = f"{outcome}: {'; '.join(reasons)} ({n_cases:,} held-out baskets of {n_shoppers:,} shoppers)."
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
    """Reference → the claim to test; baselines that an older bundle lacks are left out."""
    baselines: dict[str, Claim] = {
        name: "better" if rule == "first" and name not in NON_INFERIORITY_BASELINES else "no worse"
        for name in TESTED_BASELINES
        if name in comparison.scores
    }
    if rule == "first":
        return baselines
    return {CHAMPION: "no worse" if rule == "fresher" else "better", **baselines}


def _reason(test: MarginTest, params: EvaluationParams) -> str:
    """Return the result of a test as a clause, with its figures in brackets."""
    if test.claim == "no worse":
        claim = "is no worse than" if test.passed else "is not shown to be as good as"
    else:
        claim = "is better than" if test.passed else "is not shown to be better than"
    figures = (
        f"NDCG@{params.ndcg_k} {test.challenger_ndcg:.4f} against {test.reference_ndcg:.4f}, "
        f"difference at least {test.lower_bound:+.4f} with {params.confidence:.0%} confidence, "
        f"required above {test.threshold:+.4f}{_more_cases_hint(test)}"
    )
    return f"the new model {claim} {SCORER_LABELS[test.reference]} ({figures})"


def _more_cases_hint(test: MarginTest) -> str:
    """Return how many more baskets would help a test that did not pass."""
    if test.additional_cases is None:
        return ""
    subject = "an equally good model" if test.claim == "no worse" else "a difference of this size"
    return f"; {subject} would need about {_round_up(test.additional_cases):,} more baskets to pass"


def _round_up(number: int) -> int:
    """Round up to two digits: an estimate is no more precise."""
    unit = int(10 ** max(0, len(str(number)) - 2))
    return math.ceil(number / unit) * unit


def _data_shortage(comparison: Comparison, params: EvaluationParams) -> str:
    """Return why there is too little data for a verdict; "" if there is enough."""
    n_cases, n_shoppers, effective = (
        len(comparison.shopper_index),
        _count_shoppers(comparison),
        effective_shoppers(comparison.shopper_index),
    )
    if n_cases < params.min_cases:
        return f"only {n_cases} held-out baskets, at least {params.min_cases} are needed"
    if effective >= params.min_shoppers:
        return ""
    imbalance_text = (
        f" (effectively {effective:.0f}, because their numbers of baskets differ)"
        if round(effective) < n_shoppers
        else ""
    )
    shopper_text = f"{n_shoppers:,} {'shopper' if n_shoppers == 1 else 'shoppers'}{imbalance_text}"
    return f"the {n_cases:,} held-out baskets are of only {shopper_text}, at least {params.min_shoppers} are needed"


def _shortage_verdict(rule: VerdictRule, reason: str, comparison: Comparison) -> Verdict:
    return Verdict(
        released=False,
        rule=rule,
        sentence=f"Not released: {reason}. Train a new model when more days have landed, or hold out more days.",
        reasons=(reason,),
        margin_tests=(),
        n_cases=len(comparison.shopper_index),
        n_shoppers=_count_shoppers(comparison),
    )


def _count_shoppers(comparison: Comparison) -> int:
    return len(np.unique(comparison.shopper_index))
