"""Collapse: a model that answers, and answers nothing of its own, or everybody the same."""

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
from freshet.evaluation.metrics import Values, ndcg
from freshet.evaluation.paired_differences import PairedDifference, paired_difference
from freshet.evaluation.personalisation import random_personalisation


def encoder_collapse_reason(
    comparison: Comparison, k: int, confidence: float, *, same_configuration: bool
) -> tuple[str, bool]:
    """(why the encoder does not carry its weight, whether that holds the release); ("", False) where it does.

    It holds where the encoder alone is not surely better than what is popular, and where the ranker is no better with
    it than without it. Better, and not surely, is a warning: to show a small share of a good ranker takes many baskets.
    Of a model that is only fresher the share was shown before, and it takes more to doubt it: see the bounds.
    """
    if _ndcg_difference(comparison, ENCODER_ONLY, POPULAR, k).lower_bound(confidence) <= 0:
        figures = _ndcg_text(comparison, ENCODER_ONLY, POPULAR, k)
        return f"the encoder alone is not surely better than what is popular ({figures})", True
    encoder_lift = _ndcg_difference(comparison, CHALLENGER, BLEND_ONLY, k)
    figures = _ndcg_text(comparison, CHALLENGER, BLEND_ONLY, k)
    if (encoder_lift.upper_bound(confidence) if same_configuration else encoder_lift.mean) <= 0:
        return f"the model is not better with its encoder than without it ({figures})", True
    if encoder_lift.lower_bound(confidence) <= 0 and not same_configuration:
        return f"the model is not surely better with its encoder than without it ({figures})", False
    if _ndcg_difference(comparison, ENCODER_ONLY, CHALLENGER, k).lower_bound(confidence) > 0:
        figures = _ndcg_text(comparison, ENCODER_ONLY, CHALLENGER, k)
        return f"the encoder alone is surely better than what is made of it by blending ({figures})", False
    return "", False


def personalisation_collapse_reason(evaluation: Evaluation, min_ratio: float) -> str:
    """Why answers count as the same for everybody, the encoder's alone included; "" where they differ."""
    k = evaluation.ks[0]
    chance_level = random_personalisation(k, evaluation.n_items)
    for name, label in ((CHALLENGER, "the new model"), (ENCODER_ONLY, "its encoder alone")):
        value = evaluation.table.get(name, {}).get(f"personalisation@{k}")
        if value is not None and value < min_ratio * chance_level:
            return (
                f"{label} answers nearly the same to everybody: the first {k} of two shoppers differ in {value:.0%} of "
                f"their places, by chance they would in {chance_level:.0%} (needed {min_ratio * chance_level:.0%})"
            )
    return ""


def diversity_loss_reason(evaluation: Evaluation, params: GuardParams) -> str:
    """What became narrower beside the champion: coverage, and the places left to items that are not popular."""
    if CHAMPION not in evaluation.table:
        return ""
    challenger_metrics, champion_metrics, k = evaluation.table[CHALLENGER], evaluation.table[CHAMPION], evaluation.ks[0]
    coverage, popular = f"coverage@{k}", f"popularity_share@{k}"
    reasons = []
    if challenger_metrics[coverage] < params.min_coverage_ratio * champion_metrics[coverage]:
        reasons.append(
            f"it shows {challenger_metrics[coverage]:.1%} of all items, the champion {champion_metrics[coverage]:.1%}"
        )
    if challenger_metrics[popular] - champion_metrics[popular] > params.max_popularity_rise:
        reasons.append(
            f"{challenger_metrics[popular]:.0%} of its places go to popular items, of the champion's {champion_metrics[popular]:.0%}"
        )
    return "; ".join(reasons)


def _ndcg_difference(comparison: Comparison, name: str, other: str, k: int) -> PairedDifference:
    return paired_difference(
        _case_ndcg(comparison, name, k) - _case_ndcg(comparison, other, k), comparison.shopper_index
    )


def _ndcg_text(comparison: Comparison, name: str, other: str, k: int) -> str:
    means = [float(_case_ndcg(comparison, scorer, k).mean()) for scorer in (name, other)]
    return f"NDCG@{k} {means[0]:.4f} against {means[1]:.4f}"


def _case_ndcg(comparison: Comparison, name: str, k: int) -> Values:
    scores = comparison.scores[name]
    return ndcg(scores.hits, scores.n_targets, k)
