"""Collapse: a model that answers, and answers nothing of its own, or everybody the same."""

from freshet.judge.comparison import BLEND, CHALLENGER, CHAMPION, ENCODER, POPULAR, Comparison, Evaluation
from freshet.judge.guard_params import GuardParams
from freshet.judge.lists import by_chance
from freshet.judge.metrics import Values, ndcg
from freshet.judge.paired import Paired, paired


def idle_encoder(comparison: Comparison, k: int, confidence: float, *, fresher: bool) -> tuple[str, bool]:
    """(why the encoder does not carry its weight, whether that holds the release); ("", False) where it does.

    It holds where the encoder alone is not surely better than what is popular, and where the ranker is no better with
    it than without it. Better, and not surely, is a warning: to show a small share of a good ranker takes many baskets.
    Of a model that is only fresher the share was shown before, and it takes more to doubt it: see the bounds.
    """
    if _difference(comparison, ENCODER, POPULAR, k).lower(confidence) <= 0:
        figures = _figures(comparison, ENCODER, POPULAR, k)
        return f"the encoder alone is not surely better than what is popular ({figures})", True
    share = _difference(comparison, CHALLENGER, BLEND, k)
    figures = _figures(comparison, CHALLENGER, BLEND, k)
    if (share.upper(confidence) if fresher else share.mean) <= 0:
        return f"the model is not better with its encoder than without it ({figures})", True
    if share.lower(confidence) <= 0 and not fresher:
        return f"the model is not surely better with its encoder than without it ({figures})", False
    if _difference(comparison, ENCODER, CHALLENGER, k).lower(confidence) > 0:
        figures = _figures(comparison, ENCODER, CHALLENGER, k)
        return f"the encoder alone is surely better than what is made of it by blending ({figures})", False
    return "", False


def same_for_everybody(evaluation: Evaluation, floor: float) -> str:
    """Why answers count as the same for everybody, the encoder's alone included; "" where they differ."""
    k = evaluation.ks[0]
    chance = by_chance(k, evaluation.items)
    for name, who in ((CHALLENGER, "the new model"), (ENCODER, "its encoder alone")):
        value = evaluation.table.get(name, {}).get(f"personalisation@{k}")
        if value is not None and value < floor * chance:
            return (
                f"{who} answers nearly the same to everybody: the first {k} of two shoppers differ in {value:.0%} of "
                f"their places, by chance they would in {chance:.0%} (needed {floor * chance:.0%})"
            )
    return ""


def narrower(evaluation: Evaluation, params: GuardParams) -> str:
    """What became narrower beside the champion: coverage, and the places left to items that are not popular."""
    if CHAMPION not in evaluation.table:
        return ""
    mine, theirs, k = evaluation.table[CHALLENGER], evaluation.table[CHAMPION], evaluation.ks[0]
    coverage, popular = f"coverage@{k}", f"popularity_share@{k}"
    signs = []
    if mine[coverage] < params.coverage_floor * theirs[coverage]:
        signs.append(f"it shows {mine[coverage]:.1%} of all items, the champion {theirs[coverage]:.1%}")
    if mine[popular] - theirs[popular] > params.popularity_rise:
        signs.append(f"{mine[popular]:.0%} of its places go to popular items, of the champion's {theirs[popular]:.0%}")
    return "; ".join(signs)


def _difference(comparison: Comparison, name: str, other: str, k: int) -> Paired:
    return paired(_ndcg(comparison, name, k) - _ndcg(comparison, other, k), comparison.owners)


def _figures(comparison: Comparison, name: str, other: str, k: int) -> str:
    means = [float(_ndcg(comparison, who, k).mean()) for who in (name, other)]
    return f"NDCG@{k} {means[0]:.4f} against {means[1]:.4f}"


def _ndcg(comparison: Comparison, name: str, k: int) -> Values:
    scores = comparison.scores[name]
    return ndcg(scores.hits, scores.sizes, k)
