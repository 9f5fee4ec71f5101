"""Releases held against each other by what does not age: how many times as good as the best baseline each was.

A champion ages, and a challenger that is no worse than it may still be worse than the one before. The baselines are
counted anew every night, so the ratio to them follows the shop and shows what a chain of small losses adds up to.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from freshet.live.journal import Entry

SMOOTH: Final = 3  # releases: the median of so many is what is compared, for one night's ratio is noisy

Metrics = Mapping[str, float]  # scorer → NDCG


@dataclass(frozen=True)
class Standing:
    """How everybody did when a release was judged."""

    release: int
    bundle: str
    ndcg: Metrics


@dataclass(frozen=True)
class Ratio:
    """The challenger's ratio to the best baseline beside the best of the releases before it; both smoothed."""

    now: float
    best: float
    release: int  # the last of those that the best was taken over
    share: float  # now / best
    behind: bool

    @property
    def sentence(self) -> str:
        """`it is 1.31 times as good as the best baseline, 92% of the 1.42 that release 7 reached …`."""
        return (
            f"it is {self.now:.2f} times as good as the best baseline, {self.share:.0%} of the {self.best:.2f} that "
            f"release {self.release} reached (medians of {SMOOTH} releases)"
        )


def standings(entries: Iterable[Entry], k: int, recent: int) -> tuple[Standing, ...]:
    """The last `recent` releases whose figures the journal holds, oldest first. Rollbacks judged nothing."""
    rows = []
    for entry in entries:
        ndcg = {name: _ndcg(row, k) for name, row in entry.metrics.items()}
        known = {name: value for name, value in ndcg.items() if value is not None}
        if entry.kind == "release" and known:
            rows.append(Standing(entry.number, entry.bundle, known))
    return tuple(rows[-recent:])


def ratio(
    now: Metrics, past: Sequence[Standing], challenger: str, baselines: Sequence[str], floor: float
) -> Ratio | None:
    """The challenger's standing among the releases before it; None where there is none to compare with.

    Only baselines that all of them were asked beside count, so that a new baseline makes nobody worse.
    """
    rows = [standing for standing in past if challenger in standing.ndcg]
    shared = [name for name in baselines if all(name in row for row in [now, *(r.ndcg for r in rows)])]
    if not rows or not shared:
        return None
    ratios = [_times(row, challenger, shared) for row in [*(r.ndcg for r in rows), now]]
    smooth = [median(ratios[max(0, place - SMOOTH + 1) : place + 1]) for place in range(len(ratios))]
    best = max(range(len(rows)), key=lambda place: smooth[place])
    if smooth[best] <= 0:
        return None
    share = smooth[-1] / smooth[best]
    return Ratio(smooth[-1], smooth[best], rows[best].release, share, share < floor)


def _times(row: Metrics, challenger: str, baselines: Sequence[str]) -> float:
    best = max(row[name] for name in baselines)
    return row[challenger] / best if best > 0 else 0.0


def _ndcg(row: object, k: int) -> float | None:
    value = row.get(f"ndcg@{k}") if isinstance(row, Mapping) else None
    return float(value) if isinstance(value, int | float) else None
