"""Implausible rises: an NDCG significantly above all recent releases, and whether the baselines rose with it.

A tracker that writes every view twice makes the next view easy to predict: metrics rise without better recommendations.
In a young shop the metrics of model and baselines rise, too, because histories get longer. The share of baskets that
repeat the item before distinguishes the two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from freshet.evaluation.baseline_ratio import NdcgByScorer, ReleaseMetrics

LEAK_HINT: Final = "check for a leak of held-out events into training"
DUPLICATE_EVENTS_HINT: Final = "the data has changed, check for events that are written twice"
GROWTH_HINT: Final = "the share of repeated items did not rise, so longer histories of a young shop may explain it"


@dataclass(frozen=True)
class MetricRise:
    """The NDCG of one scorer, and the best of past releases."""

    name: str
    past_best: float
    current: float

    @property
    def relative_rise(self) -> float:
        """The rise as a share of the past best."""
        return self.current / self.past_best - 1

    @property
    def summary(self) -> str:
        """`challenger 0.28 → 0.34, +21%`."""
        return f"{self.name} {self.past_best:.4f} → {self.current:.4f}, {self.relative_rise:+.0%}"


def implausible_rise(
    current_ndcg: NdcgByScorer,
    lower_bounds: NdcgByScorer,
    past_releases: Sequence[ReleaseMetrics],
    models: Sequence[str],
    baselines: Sequence[str],
    max_rise: float,
    *,
    has_more_repeats: bool,
) -> tuple[str, bool]:
    """Return (description of an implausible rise, whether it holds the release); ("", False) without one.

    models: scorers to check, the challenger first. All are compared with the best challenger of past releases, the
    champion too, whose weights have not changed since. baselines: each is compared with its own past best. If a
    baseline at least half as good as the best one rose at least half as much, the cases have become easier.
    lower_bounds: scorer → lower confidence bound of its NDCG. has_more_repeats: whether more baskets than before repeat
    the item of the event before.
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
    message = (
        f"NDCG is implausibly high compared with the best of the last {len(past_releases)} releases ({model_text})"
    )
    if not _is_shared(large_rises, baseline_rises):
        return f"{message}, and the baselines did not rise as much ({baseline_text}): {LEAK_HINT}", True
    hint = DUPLICATE_EVENTS_HINT if has_more_repeats else GROWTH_HINT
    return f"{message}, and the baselines rose with it ({baseline_text}): {hint}", has_more_repeats


def _is_shared(large_rises: Sequence[MetricRise], baseline_rises: Sequence[MetricRise]) -> bool:
    """Whether a good baseline rose at least half as much as the model; weak baselines rise by chance."""
    min_past_ndcg = max((rise.past_best for rise in baseline_rises), default=0.0) / 2
    max_rise = max(rise.relative_rise for rise in large_rises)
    return any(rise.relative_rise >= max_rise / 2 for rise in baseline_rises if rise.past_best >= min_past_ndcg)


def _metric_rise(
    name: str, reference_name: str, current_ndcg: NdcgByScorer, past_releases: Sequence[ReleaseMetrics]
) -> MetricRise | None:
    """Return the rise of `name` over the past best of `reference_name`; None if either is missing."""
    past_best = max((release.ndcg.get(reference_name, 0.0) for release in past_releases), default=0.0)
    return MetricRise(name, past_best, current_ndcg[name]) if past_best > 0 and name in current_ndcg else None
