"""Releases held against each other by what does not age: how many times as good as the best baseline each was.

A champion ages, and a challenger that is no worse than it may still be worse than the one before. The baselines are
counted anew every night, so the ratio to them follows the shop and shows what a chain of small losses adds up to.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from freshet.releases.journal import JournalEntry

SMOOTHING_RELEASES: Final = 3  # releases: the median of so many is what is compared, for one night's ratio is noisy

NdcgByScorer = Mapping[str, float]  # scorer → NDCG


@dataclass(frozen=True)
class ReleaseMetrics:
    """How everybody did when a release was judged."""

    release: int
    bundle: str
    ndcg: NdcgByScorer


@dataclass(frozen=True)
class BaselineRatio:
    """The challenger's ratio to the best baseline beside the best of the releases before it; both smoothed."""

    current: float
    past_best: float
    release: int  # the last of those that the best was taken over
    relative_ratio: float  # now / best
    is_below_min: bool

    @property
    def sentence(self) -> str:
        """`it is 1.31 times as good as the best baseline, 92% of the 1.42 that release 7 reached …`."""
        return (
            f"it is {self.current:.2f} times as good as the best baseline, {self.relative_ratio:.0%} of the {self.past_best:.2f} that "
            f"release {self.release} reached (medians of {SMOOTHING_RELEASES} releases)"
        )


def release_metrics(entries: Iterable[JournalEntry], k: int, n_releases: int) -> tuple[ReleaseMetrics, ...]:
    """The last `recent` releases whose figures the journal holds, oldest first. Rollbacks judged nothing."""
    releases = []
    for entry in entries:
        ndcg = {name: _ndcg(row, k) for name, row in entry.metrics.items()}
        known_ndcg = {name: value for name, value in ndcg.items() if value is not None}
        if entry.kind == "release" and known_ndcg:
            releases.append(ReleaseMetrics(entry.number, entry.bundle, known_ndcg))
    return tuple(releases[-n_releases:])


def baseline_ratio(
    current_ndcg: NdcgByScorer,
    past_releases: Sequence[ReleaseMetrics],
    challenger: str,
    baselines: Sequence[str],
    min_ratio: float,
) -> BaselineRatio | None:
    """The challenger's standing among the releases before it; None where there is none to compare with.

    Only baselines that all of them were asked beside count, so that a new baseline makes nobody worse.
    """
    releases = [standing for standing in past_releases if challenger in standing.ndcg]
    shared_baselines = [
        name for name in baselines if all(name in row for row in [current_ndcg, *(r.ndcg for r in releases)])
    ]
    if not releases or not shared_baselines:
        return None
    ratios = [_ratio_to_best(row, challenger, shared_baselines) for row in [*(r.ndcg for r in releases), current_ndcg]]
    smoothed = [median(ratios[max(0, index - SMOOTHING_RELEASES + 1) : index + 1]) for index in range(len(ratios))]
    best_index = max(range(len(releases)), key=lambda place: smoothed[place])
    if smoothed[best_index] <= 0:
        return None
    relative_ratio = smoothed[-1] / smoothed[best_index]
    return BaselineRatio(
        smoothed[-1], smoothed[best_index], releases[best_index].release, relative_ratio, relative_ratio < min_ratio
    )


def _ratio_to_best(ndcg: NdcgByScorer, challenger: str, baselines: Sequence[str]) -> float:
    best_baseline = max(ndcg[name] for name in baselines)
    return ndcg[challenger] / best_baseline if best_baseline > 0 else 0.0


def _ndcg(row: object, k: int) -> float | None:
    value = row.get(f"ndcg@{k}") if isinstance(row, Mapping) else None
    return float(value) if isinstance(value, int | float) else None
