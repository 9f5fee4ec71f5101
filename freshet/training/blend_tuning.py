"""How far the counted tables are trusted beside the model: measured on held-out baskets, after the training."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Final

import numpy as np
import torch

from freshet.data.eval_cases import EvalCases
from freshet.data.knn_blend import NO_BLEND, BlendTables, KnnBlend, SparseScores, score_neighbours, score_rules
from freshet.model.custom import Model
from freshet.training.split import TrainValidationSplit
from freshet.training.validation import NDCG_K, ScoredCases, ndcg_per_case, score_cases, top_k_items

KNN_WEIGHTS: Final = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
RECENCY_DECAYS: Final = (0.6, 0.8, 0.95)
RULE_WEIGHTS: Final = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
MAX_BLEND_CASES: Final = 2000  # enough for three digits of NDCG


def tune_blend(model: Model, train_split: TrainValidationSplit, tables: BlendTables) -> tuple[KnnBlend, float]:
    """The blend with which the held-out baskets are ranked best, and its NDCG@10. Of equals the least trusting.

    One table after the other: first the neighbours without rules, then the rules with the best neighbours and without.
    """
    cases = train_split.validation_cases.take(
        slice(0, None, max(1, -(-len(train_split.validation_cases) // MAX_BLEND_CASES)))
    )
    knn_blends = [NO_BLEND, *(KnnBlend(*pair) for pair in product(KNN_WEIGHTS, RECENCY_DECAYS))]
    best, best_ndcg = _best_blend(model, train_split, cases, tables, knn_blends)
    rule_blends = [
        replace(blend, rule_weight=weight) for weight in RULE_WEIGHTS for blend in dict.fromkeys((NO_BLEND, best))
    ]
    rule_blend, rule_ndcg = _best_blend(model, train_split, cases, tables, rule_blends)
    return (rule_blend, rule_ndcg) if rule_ndcg > best_ndcg else (best, best_ndcg)


def _best_blend(
    model: Model, train_split: TrainValidationSplit, cases: EvalCases, tables: BlendTables, blends: Sequence[KnnBlend]
) -> tuple[KnnBlend, float]:
    targets, offsets = torch.from_numpy(cases.targets), torch.from_numpy(cases.target_offsets)
    lists = torch.zeros(len(blends), len(cases), NDCG_K, dtype=torch.int64)
    for scored_cases in score_cases(model, cases, model.config.max_history, train_split.exclude_seen):
        for index, top_items in enumerate(_top_k_per_blend(scored_cases, tables, blends)):
            lists[index, scored_cases.indices] = top_items
    ndcg_sums = np.array([float(ndcg_per_case(found, targets, offsets).sum()) for found in lists])
    best = int(ndcg_sums.argmax())
    return blends[best], float(ndcg_sums[best]) / max(1, len(cases))


def _top_k_per_blend(
    scored_cases: ScoredCases, tables: BlendTables, blends: Sequence[KnnBlend]
) -> Iterator[torch.Tensor]:
    """(B, CUT_OFF) for each blend. Nearness is counted once for each recency, the rules once."""
    model_scores = scored_cases.scores.cpu()
    n_columns = model_scores.shape[1]
    sparse_knn_scores = {
        r: score_neighbours(scored_cases.batch, tables.neighbours, r, n_columns)
        for r in {b.recency_decay for b in blends if b.knn_weight}
    }
    sparse_rule_scores = (
        score_rules(scored_cases.batch, tables.rules, n_columns) if any(b.rule_weight for b in blends) else None
    )
    for blend in blends:
        scores = model_scores.clone()
        if blend.knn_weight:
            _add_weighted(scores, sparse_knn_scores[blend.recency_decay], blend.knn_weight)
        if blend.rule_weight and sparse_rule_scores is not None:
            _add_weighted(scores, sparse_rule_scores, blend.rule_weight)
        yield top_k_items(
            ScoredCases(scored_cases.indices, scored_cases.batch, scores, scored_cases.excluded_items), NDCG_K
        )


def _add_weighted(scores: torch.Tensor, sparse_scores: SparseScores, weight: float) -> None:
    cells, values = sparse_scores
    scores.view(-1)[torch.from_numpy(cells)] += torch.from_numpy(weight * values).float()
