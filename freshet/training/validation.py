"""Validation: NDCG@10 on the held-out baskets, ranking all items."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from freshet.data.eval_cases import EvalCases
from freshet.data.history import ModelInput
from freshet.data.knn_blend import BlendTables, KnnBlend, add_blend
from freshet.model.custom import Model, serving_encoder
from freshet.model.serving_encoder import score_items
from freshet.training.losses import SoftTargets, basket_cross_entropy

MAX_CHUNK_CASES = 256  # cases scored at once
MAX_CHUNK_SCORES = 1 << 25  # scores in memory at once: 128 MB
NDCG_K = 10


def mean_ndcg(model: Model, cases: EvalCases, max_history: int, exclude_seen: bool = False) -> float:
    """Return the mean NDCG@10 of the cases. A target outside the vocabulary counts as a miss.

    exclude_seen: whether the items of the whole history, not only of its last `max_history` events, are not ranked.
    """
    lists = top_k_lists(model, cases, max_history, exclude_seen)
    case_ndcg = ndcg_per_case(lists, torch.from_numpy(cases.targets), torch.from_numpy(cases.target_offsets))
    return float(case_ndcg.sum()) / max(1, len(cases))


@torch.inference_mode()
def top_k_lists(
    model: Model,
    cases: EvalCases,
    max_history: int,
    exclude_seen: bool = False,
    k: int = NDCG_K,
    tables: BlendTables | None = None,
) -> Tensor:
    """Return (C, k) on the CPU: the k best items of every case, best first; 0 where there are fewer than k.

    tables: blended into the scores with the weights of the model's blend, as the ranker does; None: the model alone.
    """
    lists = torch.zeros(len(cases), k, dtype=torch.int64)
    for scored_cases in score_cases(model, cases, max_history, exclude_seen):
        if tables is not None:
            scored_cases = replace(scored_cases, scores=add_table_scores(scored_cases, tables, model.config.blend))
        lists[scored_cases.indices] = top_k_items(scored_cases, k)
    return lists


@dataclass(frozen=True)
class ScoredCases:
    """A chunk of cases with the model's scores of all items."""

    indices: Tensor  # (B,) of the cases
    batch: ModelInput
    scores: Tensor  # (B, V + 1)
    excluded_items: tuple[Tensor, Tensor] | None  # (rows, items) that are not ranked


@torch.inference_mode()
def score_cases(model: Model, cases: EvalCases, max_history: int, exclude_seen: bool = False) -> Iterator[ScoredCases]:
    """Yield the scores of all cases in chunks of cases with similar history lengths."""
    was_training = model.training
    model.eval()
    encoder, item_embeddings = serving_encoder(model), model.item_embeddings()
    order = np.argsort(cases.target_starts - cases.histories.offsets[cases.shopper_index], kind="stable")
    step = max(1, min(MAX_CHUNK_CASES, MAX_CHUNK_SCORES // len(item_embeddings)))
    for start in range(0, len(cases), step):
        indices = order[start : start + step]
        chunk = cases.take(indices)
        batch = chunk.model_inputs(max_history)
        inputs = [torch.from_numpy(x).to(item_embeddings.device) for x in batch.pad()]
        vectors, repeats = encoder(*inputs)
        scores = score_items(vectors, repeats, inputs[0], item_embeddings)  # (B, V + 1)
        yield ScoredCases(torch.from_numpy(indices), batch, scores, _history_items(chunk) if exclude_seen else None)
    model.train(was_training)


def top_k_items(scored_cases: ScoredCases, k: int) -> Tensor:
    """Return (B, k) on the CPU: the k best items of every case, best first; 0 where there are fewer than k."""
    scores = scored_cases.scores
    scores[:, 0] = -torch.inf
    if scored_cases.excluded_items is not None:
        scores[scored_cases.excluded_items] = -torch.inf
    best_scores, items = scores.topk(min(k, scores.shape[1]), dim=1)  # (B, k)
    lists = torch.zeros(len(scores), k, dtype=torch.int64)
    lists[:, : items.shape[1]] = torch.where(best_scores > -torch.inf, items, 0).cpu()
    return lists


def add_table_scores(scored_cases: ScoredCases, tables: BlendTables, blend: KnnBlend) -> Tensor:
    """Return (B, V + 1) on the CPU: the model's scores blended with those of the tables."""
    scores = scored_cases.scores.cpu().numpy()
    add_blend(scores, scored_cases.batch, tables, blend)
    return torch.from_numpy(scores)


@torch.inference_mode()
def validation_loss(model: Model, cases: EvalCases, max_history: int) -> float:
    """Return the mean cross-entropy of the cases in nats: the loss of a model that was trained elsewhere."""
    encoder, item_embeddings = serving_encoder(model), model.item_embeddings()
    total = 0.0
    for start in range(0, len(cases), MAX_CHUNK_CASES):
        chunk = cases.take(slice(start, start + MAX_CHUNK_CASES))
        inputs = [torch.from_numpy(x) for x in chunk.model_inputs(max_history).pad()]
        vectors, repeats = encoder(*inputs)
        targets = SoftTargets(torch.from_numpy(chunk.targets), torch.from_numpy(chunk.target_offsets[:-1]))
        scores = score_items(vectors, repeats, inputs[0], item_embeddings)  # (C, V + 1)
        total += float(basket_cross_entropy(scores, targets)) * len(chunk)
    return total / max(1, len(cases))


def _history_items(cases: EvalCases) -> tuple[Tensor, Tensor]:
    """Return (rows, items): for every case the items of its whole history."""
    histories = cases.input_histories(max(1, len(cases.histories.items)))
    case_index = np.repeat(np.arange(len(cases)), np.diff(histories.offsets))
    return torch.from_numpy(case_index), torch.from_numpy(histories.items)


def ndcg_per_case(top: Tensor, targets: Tensor, offsets: Tensor) -> Tensor:
    """Return (C,) normalised discounted cumulative gains (Järvelin and Kekäläinen 2002) with gain 1 for every target.

    top: (C, k) item indices, best first. Case c has targets[offsets[c]:offsets[c + 1]]; target 0 is never a hit.
    """
    k = top.shape[1]
    sizes = offsets.diff()  # (C,)
    case_index = torch.repeat_interleave(torch.arange(len(sizes)), sizes)  # (M,)
    hits = ((top[case_index] == targets[:, None]) & (targets > 0)[:, None]).double()  # (M, k)
    discounts = 1 / torch.log2(torch.arange(2, k + 2, dtype=torch.float64))  # (k,)
    gain = torch.zeros(len(sizes), dtype=torch.float64).index_add(0, case_index, hits @ discounts)  # (C,)
    ideal = torch.cat([torch.zeros(1, dtype=torch.float64), discounts.cumsum(0)])[sizes.clamp(max=k)]  # (C,)
    return gain / ideal.clamp(min=discounts[0])
