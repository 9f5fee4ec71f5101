"""Ratio of a release's NDCG to the best baseline's, to see slow losses over many releases.

Each challenger may be a little worse than its champion, and such losses add up. The baselines are recomputed every
night, so the ratio to them follows the shop and is comparable between releases.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from freshet.releases.journal import JournalEntry

SMOOTHING_RELEASES: Final = 3  # window of the running median: the ratio of one night is noisy

NdcgByScorer = Mapping[str, float]  # scorer → NDCG


@dataclass(frozen=True)
class ReleaseMetrics:
    """NDCG of all scorers in the evaluation of a release."""

    release: int
    bundle: str
    ndcg: NdcgByScorer


@dataclass(frozen=True)
class BaselineRatio:
    """The challenger's ratio to the best baseline, and the best ratio of the releases before it; both smoothed."""

    current: float
    past_best: float
    release: int  # number of the release with the best ratio
    relative_ratio: float  # current / past best
    is_below_min: bool

    @property
    def sentence(self) -> str:
        """`its NDCG is 1.31 times the best baseline's, 92% of the 1.42 times of release 7 (medians …)`."""
        return (
            f"its NDCG is {self.current:.2f} times the best baseline's, {self.relative_ratio:.0%} of the "
            f"{self.past_best:.2f} times of release {self.release} (medians of {SMOOTHING_RELEASES} releases)"
        )


def release_metrics(entries: Iterable[JournalEntry], k: int, n_releases: int) -> tuple[ReleaseMetrics, ...]:
    """Return the last `n_releases` releases with metrics, oldest first; a rollback is not evaluated itself."""
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
    """Return the challenger's ratio beside those of past releases; None if there is none to compare with.

    Only baselines that all evaluations have in common count, so that a new baseline does not lower the ratio.
    """
    releases = [release for release in past_releases if challenger in release.ndcg]
    shared_baselines = [
        name for name in baselines if all(name in row for row in [current_ndcg, *(r.ndcg for r in releases)])
    ]
    if not releases or not shared_baselines:
        return None
    ratios = [_ratio_to_best(row, challenger, shared_baselines) for row in [*(r.ndcg for r in releases), current_ndcg]]
    smoothed = [median(ratios[max(0, index - SMOOTHING_RELEASES + 1) : index + 1]) for index in range(len(ratios))]
    best_index = max(range(len(releases)), key=lambda index: smoothed[index])
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
