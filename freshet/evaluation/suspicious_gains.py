"""Figures too good to be true: NDCG that is surely above all recent releases', and who else rose with it.

A tracker that writes every look twice makes the next look easy to guess: the figures rise and nobody is served better.
A young shop's rise too, of model and baselines alike: every day there is more of a history to guess from. What tells
them apart is how many baskets repeat the item before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from freshet.evaluation.baseline_ratio import NdcgByScorer, ReleaseMetrics

LEAK_HINT: Final = "look whether the model knows what it is asked for"
DUPLICATE_EVENTS_HINT: Final = "it is the data, look for events that are written twice"
GROWTH_HINT: Final = "no more baskets repeat the item before than used to, so it may be a young shop's longer histories"


@dataclass(frozen=True)
class MetricRise:
    """One scorer now, beside the best of the past."""

    name: str
    past_best: float
    current: float

    @property
    def relative_rise(self) -> float:
        """By how much of `then` it rose."""
        return self.current / self.past_best - 1

    @property
    def summary(self) -> str:
        """`challenger 0.28 → 0.34, +21%`."""
        return f"{self.name} {self.past_best:.4f} → {self.current:.4f}, {self.relative_rise:+.0%}"


def suspicious_rise(
    current_ndcg: NdcgByScorer,
    lower_bounds: NdcgByScorer,
    past_releases: Sequence[ReleaseMetrics],
    models: Sequence[str],
    baselines: Sequence[str],
    max_rise: float,
    *,
    has_more_repeats: bool,
) -> tuple[str, bool]:
    """(What is too good to be true, whether a person must look before a release); "" where nothing rose too far.

    models: who may not rise, the challenger first: all are held against the best that a challenger of the past had, the
    champion too, whose weights have not changed since. baselines: each against its own best; where one that is at
    least half as good as the best of them rose at least half as much, the questions have become easier and not the
    answers better.
    surely: scorer → its NDCG is at least this. repeating: more of the baskets repeat the item before than used to.
    """
    model_rises = [
        rise for name in models if (rise := _metric_rise(name, models[0], current_ndcg, past_releases)) is not None
    ]
    large_rises = [
        rise
        for rise in model_rises
        if rise.relative_rise > max_rise and lower_bounds.get(rise.name, 0.0) > rise.past_best
    ]
    if not large_rises:
        return "", False
    baseline_rises = [
        rise for name in baselines if (rise := _metric_rise(name, name, current_ndcg, past_releases)) is not None
    ]
    model_text, baseline_text = ("; ".join(rise.summary for rise in group) for group in (large_rises, baseline_rises))
    message = f"NDCG is too good to be true, beside the best of the last {len(past_releases)} releases ({model_text})"
    if not _is_shared(large_rises, baseline_rises):
        return f"{message}, and baselines did not rise like that ({baseline_text}): {LEAK_HINT}", True
    return (
        f"{message}, and baselines rose with it ({baseline_text}): {DUPLICATE_EVENTS_HINT if has_more_repeats else GROWTH_HINT}",
        has_more_repeats,
    )


def _is_shared(large_rises: Sequence[MetricRise], baseline_rises: Sequence[MetricRise]) -> bool:
    """Whether a good baseline rose at least half as much as what rose most; a weak one rises by luck alone."""
    min_past_ndcg = max((rise.past_best for rise in baseline_rises), default=0.0) / 2
    max_rise = max(rise.relative_rise for rise in large_rises)
    return any(rise.relative_rise >= max_rise / 2 for rise in baseline_rises if rise.past_best >= min_past_ndcg)


def _metric_rise(
    name: str, reference_name: str, current_ndcg: NdcgByScorer, past_releases: Sequence[ReleaseMetrics]
) -> MetricRise | None:
    """`name` now beside the best that the row had; None where either is not known."""
    past_best = max((standing.ndcg.get(reference_name, 0.0) for standing in past_releases), default=0.0)
    return MetricRise(name, past_best, current_ndcg[name]) if past_best > 0 and name in current_ndcg else None
