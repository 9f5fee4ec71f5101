"""Parts of the shop that a challenger serves worse than the champion, found among several without crying wolf."""

from dataclasses import dataclass

from freshet.evaluation.comparison import CHALLENGER, CHAMPION, Comparison, SliceScores
from freshet.evaluation.guard_params import GuardParams
from freshet.evaluation.metrics import Values, ndcg
from freshet.evaluation.paired_differences import PairedDifference, paired_difference


@dataclass(frozen=True)
class SliceRegression:
    """A slice in which the challenger is surely worse than the champion."""

    name: str
    n_cases: int
    challenger_ndcg: float  # mean NDCG
    champion_ndcg: float
    min_relative_loss: float  # the champion is better by at least this share of its NDCG
    exceeds_margin: bool  # by more than the margin

    @property
    def summary(self) -> str:
        """`rare items 0.1200 → 0.0900 (412 baskets, surely 11% worse)`."""
        figures = f"{self.champion_ndcg:.4f} → {self.challenger_ndcg:.4f}"
        return f"{self.name} {figures} ({self.n_cases:,} baskets, surely {self.min_relative_loss:.0%} worse)"


def slice_regressions(
    comparison: Comparison, k: int, confidence: float, params: GuardParams
) -> tuple[SliceRegression, ...]:
    """Slices that are surely worse, the worst first; none without a champion.

    Each is tested on its own baskets, over shoppers. The error of one test is divided by the number of slices
    (Bonferroni): of ten slices that stayed as they are one has a false alarm on one night of twenty, not of two.
    """
    if CHAMPION not in comparison.scores:
        return ()
    differences = {
        name: _champion_difference(slice_answers, k) for name, slice_answers in comparison.slice_scores.items()
    }
    testable = {name: result for name, result in differences.items() if result.n_shoppers >= params.min_slice_shoppers}
    slice_confidence = 1 - (1 - confidence) / max(1, len(testable))
    regressions = (
        _slice_regression(name, comparison.slice_scores[name], result.upper_bound(slice_confidence), k, params)
        for name, result in testable.items()
    )
    return tuple(
        sorted((fall for fall in regressions if fall.min_relative_loss > 0), key=lambda fall: -fall.min_relative_loss)
    )


def _champion_difference(slice_scores: SliceScores, k: int) -> PairedDifference:
    return paired_difference(
        _case_ndcg(slice_scores, CHALLENGER, k) - _case_ndcg(slice_scores, CHAMPION, k), slice_scores.shopper_index
    )


def _slice_regression(
    name: str, slice_scores: SliceScores, upper_bound: float, k: int, params: GuardParams
) -> SliceRegression:
    challenger_ndcg, champion_ndcg = (
        float(_case_ndcg(slice_scores, scorer, k).mean()) for scorer in (CHALLENGER, CHAMPION)
    )
    min_relative_loss = -upper_bound / champion_ndcg if champion_ndcg > 0 else 0.0
    return SliceRegression(
        name,
        len(slice_scores.shopper_index),
        challenger_ndcg,
        champion_ndcg,
        min_relative_loss,
        min_relative_loss > params.slice_margin,
    )


def _case_ndcg(slice_scores: SliceScores, name: str, k: int) -> Values:
    return ndcg(slice_scores.scores[name].hits, slice_scores.scores[name].n_targets, k)
