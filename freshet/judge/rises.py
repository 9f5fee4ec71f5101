"""Figures too good to be true: NDCG that is surely above all recent releases', and who else rose with it.

A tracker that writes every look twice makes the next look easy to guess: the figures rise and nobody is served better.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from freshet.judge.yardstick import Metrics, Standing


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
) -> str:
    """Why a person must look; "" where nothing rose too far.

    models: who may not rise, the challenger first: all are held against the best that a challenger of the past had, the
    champion too, whose weights have not changed since. baselines: each against its own best; where they rise as well
    the questions have become easier and not the answers better.
    surely: scorer → its NDCG is at least this.
    """
    rises = [rise for name in models if (rise := _rise(name, models[0], now, past)) is not None]
    high = [rise for rise in rises if rise.share > limit and surely.get(rise.name, 0.0) > rise.then]
    if not high:
        return ""
    others = [rise for name in baselines if (rise := _rise(name, name, now, past)) is not None]
    figures, beside = ("; ".join(rise.words for rise in some) for some in (high, others))
    told = f"NDCG is too good to be true, beside the best of the last {len(past)} releases ({figures})"
    if any(rise.share > limit / 2 for rise in others):
        return f"{told}, and baselines rose with it ({beside}): it is the data, look for events that are written twice"
    return f"{told}, and no baseline rose with it ({beside}): look whether the model knows what it is asked for"


def _rise(name: str, row: str, now: Metrics, past: Sequence[Standing]) -> Rise | None:
    """`name` now beside the best that the row had; None where either is not known."""
    then = max((standing.ndcg.get(row, 0.0) for standing in past), default=0.0)
    return Rise(name, then, now[name]) if then > 0 and name in now else None
