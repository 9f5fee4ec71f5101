"""The verdict: may the challenger serve? Decided by paired differences over shoppers, said in words."""

import math
from typing import Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from freshet.judge.bootstrap import effective_shoppers
from freshet.judge.comparison import CHAMPION, ITEM_TO_ITEM, POPULAR, SEQUENTIAL_RULES, Comparison
from freshet.judge.margins import Claim, Margin, paired_margins
from freshet.judge.params import JudgeParams

Rule = Literal["first", "fresher", "changed"]

BASELINES: Final = (POPULAR, ITEM_TO_ITEM, SEQUENTIAL_RULES)
# Where only the last event matters the rules are the best there can be, and the model holds them: as good is enough.
MIXED_IN: Final = (SEQUENTIAL_RULES,)
NAMES: Final = {
    POPULAR: "what is popular",
    ITEM_TO_ITEM: "what goes with what (item-to-item)",
    SEQUENTIAL_RULES: "what comes after what (sequential rules)",
    CHAMPION: "the model that serves now",
}


class Verdict(BaseModel):
    """A decision with its reasons."""

    model_config = ConfigDict(frozen=True)

    released: bool
    rule: Rule
    sentence: str
    reasons: tuple[str, ...]
    margins: tuple[Margin, ...]
    cases: int
    shoppers: int = 0  # whose baskets they are; 0 in verdicts of before they were counted
    held: tuple[str, ...] = ()  # why a person must look first; not empty: `released` is false
    warnings: tuple[str, ...] = ()  # what to know, without it deciding anything

    @property
    def passed(self) -> bool:
        """Whether the statistics alone would release it, whatever holds it."""
        return bool(self.margins) and all(margin.passed for margin in self.margins)

    @property
    def waits(self) -> bool:
        """Whether nothing but a person's word is missing."""
        return bool(self.held) and self.passed


def decide(comparison: Comparison, params: JudgeParams, *, same_configuration: bool = False) -> Verdict:
    """Whether the challenger is released.

    The first release must beat what is popular and item-to-item, and be no worse than sequential rules by a margin.
    After it, a challenger of the champion's configuration, only fresher, must not be worse than the champion by more
    than the margin, one of a changed configuration must be better; and neither may be worse than a baseline by more
    than the margin, however far the champion has aged. All of it must hold, so asking more never makes a wrong release
    likelier (intersection-union test, Berger 1982).
    same_configuration is read only where there is a champion.
    """
    has_champion = CHAMPION in comparison.scores
    rule: Rule = "first" if not has_champion else "fresher" if same_configuration else "changed"
    if too_few := _too_few(comparison, params):
        return _not_asked(rule, too_few, comparison)
    margins = paired_margins(comparison, _claims(rule, comparison), params)
    reasons = tuple(_reason(margin, params) for margin in margins)
    released = all(margin.passed for margin in margins)
    cases, shoppers = len(comparison.owners), _shoppers(comparison)
    head = "Released" if released else "Not released"
    sentence = f"{head}: {'; '.join(reasons)} ({cases:,} baskets of {shoppers:,} shoppers asked for)."
    return Verdict(
        released=released,
        rule=rule,
        sentence=sentence,
        reasons=reasons,
        margins=margins,
        cases=cases,
        shoppers=shoppers,
    )


def _claims(rule: Rule, comparison: Comparison) -> dict[str, Claim]:
    """What has to be shown against whom; baselines that the bundle lacks are not asked."""
    baselines: dict[str, Claim] = {
        name: "better" if rule == "first" and name not in MIXED_IN else "no worse"
        for name in BASELINES
        if name in comparison.scores
    }
    if rule == "first":
        return baselines
    return {CHAMPION: "no worse" if rule == "fresher" else "better", **baselines}


def _reason(margin: Margin, params: JudgeParams) -> str:
    """One half-sentence that a shop owner understands, with the figures in brackets."""
    sure = f"{params.confidence:.0%} sure"
    if margin.claim == "no worse":
        claim = "is no worse than" if margin.passed else "is not shown to be as good as"
    else:
        claim = "is better than" if margin.passed else "is not shown to be better than"
    figures = (
        f"NDCG@{params.ndcg_k} {margin.challenger:.4f} against {margin.other:.4f}, "
        f"difference at least {margin.lower:+.4f}, {sure}, needed above {margin.needed:+.4f}{_more(margin)}"
    )
    return f"the new model {claim} {NAMES[margin.against]} ({figures})"


def _more(margin: Margin) -> str:
    """What would have shown it: the advice that belongs to a claim that did not pass."""
    if margin.more_cases is None:
        return ""
    who = "an equally good model" if margin.claim == "no worse" else "a difference like this"
    return f"; {who} needs about {_rounded(margin.more_cases):,} more baskets to show it"


def _rounded(number: int) -> int:
    """Two digits: more would promise what an estimate cannot hold."""
    unit = int(10 ** max(0, len(str(number)) - 2))
    return math.ceil(number / unit) * unit


def _too_few(comparison: Comparison, params: JudgeParams) -> str:
    """Why luck cannot be told from merit; "" where it can."""
    cases, shoppers, counted = len(comparison.owners), _shoppers(comparison), effective_shoppers(comparison.owners)
    if cases < params.minimum_cases:
        return f"only {cases} baskets to ask for, {params.minimum_cases} are needed to tell luck from merit"
    if counted >= params.minimum_shoppers:
        return ""
    uneven = f", so unevenly that they count as {counted:.0f}" if round(counted) < shoppers else ""
    whose = f"{shoppers:,} {'shopper' if shoppers == 1 else 'shoppers'}{uneven}"
    needed = f"{params.minimum_shoppers} are needed to tell luck from merit"
    return f"the {cases:,} baskets to ask for are of only {whose}; {needed}"


def _not_asked(rule: Rule, reason: str, comparison: Comparison) -> Verdict:
    return Verdict(
        released=False,
        rule=rule,
        sentence=f"Not released: {reason}. Make a new model when more has landed, or hold out more days.",
        reasons=(reason,),
        margins=(),
        cases=len(comparison.owners),
        shoppers=_shoppers(comparison),
    )


def _shoppers(comparison: Comparison) -> int:
    return len(np.unique(comparison.owners))
