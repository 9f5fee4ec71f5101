"""Figures too good to be true: NDCG that is surely above all recent releases', and who else rose with it.

A tracker that writes every look twice makes the next look easy to guess: the figures rise and nobody is served better.
A young shop's rise too, of model and baselines alike: every day there is more of a history to guess from. What tells
them apart is how many baskets repeat the item before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from freshet.judge.yardstick import Metrics, Standing

LEAK: Final = "look whether the model knows what it is asked for"
TWICE: Final = "it is the data, look for events that are written twice"
GROWTH: Final = "no more baskets repeat the item before than used to, so it may be a young shop's longer histories"


@dataclass(frozen=True)
class Rise:
    """One scorer now, beside the best of the past."""

    name: str
    then: float
    now: float

    @property
    def share(self) -> float:
        """By how much of `then` it rose."""
        return self.now / self.then - 1

    @property
    def words(self) -> str:
        """`challenger 0.28 → 0.34, +21%`."""
        return f"{self.name} {self.then:.4f} → {self.now:.4f}, {self.share:+.0%}"


def suspicious_rise(
    now: Metrics,
    surely: Metrics,
    past: Sequence[Standing],
    models: Sequence[str],
    baselines: Sequence[str],
    limit: float,
    *,
    repeating: bool,
) -> tuple[str, bool]:
    """(What is too good to be true, whether a person must look before a release); "" where nothing rose too far.

    models: who may not rise, the challenger first: all are held against the best that a challenger of the past had, the
    champion too, whose weights have not changed since. baselines: each against its own best; where one that is at
    least half as good as the best of them rose at least half as much, the questions have become easier and not the
    answers better.
    surely: scorer → its NDCG is at least this. repeating: more of the baskets repeat the item before than used to.
    """
    rises = [rise for name in models if (rise := _rise(name, models[0], now, past)) is not None]
    high = [rise for rise in rises if rise.share > limit and surely.get(rise.name, 0.0) > rise.then]
    if not high:
        return "", False
    others = [rise for name in baselines if (rise := _rise(name, name, now, past)) is not None]
    figures, beside = ("; ".join(rise.words for rise in some) for some in (high, others))
    told = f"NDCG is too good to be true, beside the best of the last {len(past)} releases ({figures})"
    if not _shared(high, others):
        return f"{told}, and baselines did not rise like that ({beside}): {LEAK}", True
    return f"{told}, and baselines rose with it ({beside}): {TWICE if repeating else GROWTH}", repeating


def _shared(high: Sequence[Rise], others: Sequence[Rise]) -> bool:
    """Whether a good baseline rose at least half as much as what rose most; a weak one rises by luck alone."""
    good = max((rise.then for rise in others), default=0.0) / 2
    most = max(rise.share for rise in high)
    return any(rise.share >= most / 2 for rise in others if rise.then >= good)


def _rise(name: str, row: str, now: Metrics, past: Sequence[Standing]) -> Rise | None:
    """`name` now beside the best that the row had; None where either is not known."""
    then = max((standing.ndcg.get(row, 0.0) for standing in past), default=0.0)
    return Rise(name, then, now[name]) if then > 0 and name in now else None
