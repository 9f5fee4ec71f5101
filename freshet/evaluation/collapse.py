"""Collapse: an encoder that adds nothing to the blend, or recommendations that are the same for all shoppers."""

from freshet.evaluation.comparison import (
    BLEND_ONLY,
    CHALLENGER,
    CHAMPION,
    ENCODER_ONLY,
    POPULAR,
    Comparison,
    Evaluation,
)
from freshet.evaluation.guard_params import GuardParams
from freshet.evaluation.paired_differences import PairedDifference, paired_difference
from freshet.evaluation.personalisation import random_personalisation


def encoder_collapse_reason(
    comparison: Comparison, k: int, confidence: float, *, same_configuration: bool
) -> tuple[str, bool]:
    """Return (why the encoder adds too little, whether that holds the release); ("", False) if it adds enough.

    Holds: the encoder alone is not significantly better than popular items, or the ranker with it is no better than
    without it. Warns: the ranker is better, but not significantly, because a small gain takes many baskets to show.
    A retrained model of the champion's configuration showed its gain before, so it needs more evidence to be held.
    """
    if _ndcg_difference(comparison, ENCODER_ONLY, POPULAR, k).lower_bound(confidence) <= 0:
        figures = _ndcg_text(comparison, ENCODER_ONLY, POPULAR, k)
        return f"the encoder alone is not significantly better than popular items ({figures})", True
    encoder_lift = _ndcg_difference(comparison, CHALLENGER, BLEND_ONLY, k)
    figures = _ndcg_text(comparison, CHALLENGER, BLEND_ONLY, k)
    if (encoder_lift.upper_bound(confidence) if same_configuration else encoder_lift.mean) <= 0:
        return f"the model is not better with its encoder than without it ({figures})", True
    if encoder_lift.lower_bound(confidence) <= 0 and not same_configuration:
        return f"the model is not significantly better with its encoder than without it ({figures})", False
    if _ndcg_difference(comparison, ENCODER_ONLY, CHALLENGER, k).lower_bound(confidence) > 0:
        figures = _ndcg_text(comparison, ENCODER_ONLY, CHALLENGER, k)
        return f"the encoder alone is significantly better than the model that blends it ({figures})", False
    return "", False


def personalisation_collapse_reason(evaluation: Evaluation, min_ratio: float) -> str:
    """Return why the lists of the model or of its encoder alone count as the same for all shoppers; "" if not."""
    k = evaluation.ks[0]
    chance_level = random_personalisation(k, evaluation.n_items)
    for name, label in ((CHALLENGER, "the new model"), (ENCODER_ONLY, "its encoder alone")):
        value = evaluation.table.get(name, {}).get(f"personalisation@{k}")
        if value is not None and value < min_ratio * chance_level:
            return (
                f"{label} recommends nearly the same to all shoppers: the top {k} of two shoppers differ in "
                f"{value:.0%} of their items, random lists in {chance_level:.0%} "
                f"(required {min_ratio * chance_level:.0%})"
            )
    return ""


def diversity_loss_reason(evaluation: Evaluation, params: GuardParams) -> str:
    """Return how the lists became narrower than the champion's, in coverage or in popular items; "" if they did not."""
    if CHAMPION not in evaluation.table:
        return ""
    challenger, champion, k = evaluation.table[CHALLENGER], evaluation.table[CHAMPION], evaluation.ks[0]
    coverage, popular = f"coverage@{k}", f"popularity_share@{k}"
    reasons = []
    if challenger[coverage] < params.min_coverage_ratio * champion[coverage]:
        reasons.append(
            f"its lists cover {challenger[coverage]:.1%} of all items, the champion's {champion[coverage]:.1%}"
        )
    if challenger[popular] - champion[popular] > params.max_popularity_rise:
        reasons.append(
            f"popular items take {challenger[popular]:.0%} of its lists, {champion[popular]:.0%} of the champion's"
        )
    return "; ".join(reasons)


def _ndcg_difference(comparison: Comparison, name: str, other: str, k: int) -> PairedDifference:
    differences = comparison.scores[name].ndcg(k) - comparison.scores[other].ndcg(k)
    return paired_difference(differences, comparison.shopper_index)


def _ndcg_text(comparison: Comparison, name: str, other: str, k: int) -> str:
    means = [float(comparison.scores[scorer].ndcg(k).mean()) for scorer in (name, other)]
    return f"NDCG@{k} {means[0]:.4f} against {means[1]:.4f}"
