"""Blend tuning: after the training, choose the weights of item kNN and sequential rules on the held-out baskets."""

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
MAX_BLEND_CASES: Final = 2000  # enough for three digits of NDCG@10


def tune_blend(model: Model, train_split: TrainValidationSplit, tables: BlendTables) -> tuple[KnnBlend, float]:
    """Return the blend with the highest NDCG@10 on the held-out baskets, and that score; of equals the lowest weights.

    First the kNN weights are tuned without rules, then the rule weight with the best kNN weights and without kNN.
    """
    step = max(1, -(-len(train_split.validation_cases) // MAX_BLEND_CASES))
    cases = train_split.validation_cases.take(slice(0, None, step))
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
    ndcg_sums = np.array([float(ndcg_per_case(top_items, targets, offsets).sum()) for top_items in lists])
    best = int(ndcg_sums.argmax())
    return blends[best], float(ndcg_sums[best]) / max(1, len(cases))


def _top_k_per_blend(
    scored_cases: ScoredCases, tables: BlendTables, blends: Sequence[KnnBlend]
) -> Iterator[torch.Tensor]:
    """Yield the top items (B, NDCG_K) for each blend; kNN scores are computed once per decay, rule scores once."""
    model_scores, batch = scored_cases.scores.cpu(), scored_cases.batch
    n_columns = model_scores.shape[1]
    decays = {blend.recency_decay for blend in blends if blend.knn_weight}
    knn_scores = {decay: score_neighbours(batch, tables.neighbours, decay, n_columns) for decay in decays}
    uses_rules = any(blend.rule_weight for blend in blends)
    rule_scores = score_rules(batch, tables.rules, n_columns) if uses_rules else None
    for blend in blends:
        scores = model_scores.clone()
        if blend.knn_weight:
            _add_weighted(scores, knn_scores[blend.recency_decay], blend.knn_weight)
        if blend.rule_weight and rule_scores is not None:
            _add_weighted(scores, rule_scores, blend.rule_weight)
        yield top_k_items(replace(scored_cases, scores=scores), NDCG_K)


def _add_weighted(scores: torch.Tensor, sparse_scores: SparseScores, weight: float) -> None:
    cells, values = sparse_scores
    scores.view(-1)[torch.from_numpy(cells)] += torch.from_numpy(weight * values).float()
