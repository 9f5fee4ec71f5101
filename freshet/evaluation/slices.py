"""Slice regressions: slices in which the challenger is significantly worse than the champion."""

from dataclasses import dataclass

from freshet.evaluation.comparison import CHALLENGER, CHAMPION, Comparison, SliceScores
from freshet.evaluation.guard_params import GuardParams
from freshet.evaluation.paired_differences import PairedDifference, paired_difference


@dataclass(frozen=True)
class SliceRegression:
    """A slice in which the challenger is significantly worse than the champion."""

    name: str
    n_cases: int
    challenger_ndcg: float  # mean NDCG
    champion_ndcg: float
    min_relative_loss: float  # lower bound of the loss, as a share of the champion's NDCG
    exceeds_margin: bool  # whether that is more than the allowed margin

    @property
    def summary(self) -> str:
        """`rare items 0.1200 → 0.0900 (412 baskets, at least 11% worse)`."""
        figures = f"{self.champion_ndcg:.4f} → {self.challenger_ndcg:.4f}"
        return f"{self.name} {figures} ({self.n_cases:,} baskets, at least {self.min_relative_loss:.0%} worse)"


def slice_regressions(
    comparison: Comparison, k: int, confidence: float, params: GuardParams
) -> tuple[SliceRegression, ...]:
    """Return the slices that are significantly worse, the worst first; none without a champion.

    Each slice is tested on its own baskets, clustered by shopper. The error level is divided by the number of slices
    (Bonferroni): with ten unchanged slices there is a false alarm on one night of twenty, not of two.
    """
    if CHAMPION not in comparison.scores:
        return ()
    differences = {
        name: _champion_difference(slice_scores, k) for name, slice_scores in comparison.slice_scores.items()
    }
    testable = {name: result for name, result in differences.items() if result.n_shoppers >= params.min_slice_shoppers}
    slice_confidence = 1 - (1 - confidence) / max(1, len(testable))
    regressions = (
        _slice_regression(name, comparison.slice_scores[name], result.upper_bound(slice_confidence), k, params)
        for name, result in testable.items()
    )
    significant = (regression for regression in regressions if regression.min_relative_loss > 0)
    return tuple(sorted(significant, key=lambda regression: -regression.min_relative_loss))


def _champion_difference(slice_scores: SliceScores, k: int) -> PairedDifference:
    scores = slice_scores.scores
    return paired_difference(scores[CHALLENGER].ndcg(k) - scores[CHAMPION].ndcg(k), slice_scores.shopper_index)


def _slice_regression(
    name: str, slice_scores: SliceScores, upper_bound: float, k: int, params: GuardParams
) -> SliceRegression:
    challenger_ndcg, champion_ndcg = (
        float(slice_scores.scores[name].ndcg(k).mean()) for name in (CHALLENGER, CHAMPION)
    )
    min_relative_loss = -upper_bound / champion_ndcg if champion_ndcg > 0 else 0.0
    return SliceRegression(
        name=name,
        n_cases=len(slice_scores.shopper_index),
        challenger_ndcg=challenger_ndcg,
        champion_ndcg=champion_ndcg,
        min_relative_loss=min_relative_loss,
        exceeds_margin=min_relative_loss > params.slice_margin,
    )
