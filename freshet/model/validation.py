"""How good the model is while it trains: NDCG@10 over held-out baskets, ranked among all items."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from freshet.cases import Cases
from freshet.history import ModelInput
from freshet.model.losses import Wanted, basket_cross_entropy
from freshet.model.own import Model, encoder_of
from freshet.model.padded import scores_of
from freshet.neighbourhood import Blend, Tables, add_tables

CHUNK = 256  # most cases scored at once
CELLS = 1 << 25  # most scores held at once: 128 MB
CUT_OFF = 10


def ndcg(model: Model, cases: Cases, length: int, exclude_seen: bool = False) -> float:
    """Mean NDCG@10 of the cases. A target outside the vocabulary counts as a miss.

    exclude_seen: whether the items of a history (all of it, not only its last `length` events) are left out.
    """
    lists = lists_of(model, cases, length, exclude_seen)
    gained = ndcg_of(lists, torch.from_numpy(cases.targets), torch.from_numpy(cases.target_offsets))
    return float(gained.sum()) / max(1, len(cases))


@torch.inference_mode()
def lists_of(
    model: Model,
    cases: Cases,
    length: int,
    exclude_seen: bool = False,
    k: int = CUT_OFF,
    tables: Tables | None = None,
) -> Tensor:
    """(C, k) on the CPU: the k best items of every case, best first; 0 where fewer than k may be recommended.

    tables: what the model's blend mixes in, as the ranker does with those of the bundle; None: the model alone.
    """
    lists = torch.zeros(len(cases), k, dtype=torch.int64)
    for scored in score(model, cases, length, exclude_seen):
        if tables is not None:
            scored = replace(scored, scores=with_tables(scored, tables, model.config.blend))
        lists[scored.chosen] = best_of(scored, k)
    return lists


@dataclass(frozen=True)
class Scored:
    """Some cases with the model's scores of all items."""

    chosen: Tensor  # (B,) which of the cases
    batch: ModelInput
    scores: Tensor  # (B, V + 1)
    never: tuple[Tensor, Tensor] | None  # (rows, items) that may not be answered


@torch.inference_mode()
def score(model: Model, cases: Cases, length: int, exclude_seen: bool = False) -> Iterator[Scored]:
    """Every case, those with like histories together."""
    was_training = model.training
    model.eval()
    encoder, item_vectors = encoder_of(model), model.item_vectors()
    order = np.argsort(cases.ends - cases.histories.offsets[cases.owners], kind="stable")
    step = max(1, min(CHUNK, CELLS // len(item_vectors)))
    for start in range(0, len(cases), step):
        chosen = order[start : start + step]
        some = cases.take(chosen)
        batch = some.inputs(length)
        inputs = [torch.from_numpy(x).to(item_vectors.device) for x in batch.padded()]
        vectors, repeats = encoder(*inputs)
        scores = scores_of(vectors, repeats, inputs[0], item_vectors)  # (B, V + 1)
        yield Scored(torch.from_numpy(chosen), batch, scores, _seen(some) if exclude_seen else None)
    model.train(was_training)


def best_of(scored: Scored, k: int) -> Tensor:
    """(B, k) on the CPU: the k best items of every case, best first; 0 where fewer than k may be recommended."""
    scores = scored.scores
    scores[:, 0] = -torch.inf
    if scored.never is not None:
        scores[scored.never] = -torch.inf
    best, items = scores.topk(min(k, scores.shape[1]), dim=1)  # (B, k)
    found = torch.zeros(len(scores), k, dtype=torch.int64)
    found[:, : items.shape[1]] = torch.where(best > -torch.inf, items, 0).cpu()
    return found


def with_tables(scored: Scored, tables: Tables, blend: Blend) -> Tensor:
    """(B, V + 1) on the CPU: the scores with what the tables are worth."""
    scores = scored.scores.cpu().numpy()
    add_tables(scores, scored.batch, tables, blend)
    return torch.from_numpy(scores)


@torch.inference_mode()
def held_out_loss(model: Model, cases: Cases, length: int) -> float:
    """Mean cross-entropy of the cases in nats, for a model whose training nobody saw."""
    encoder, item_vectors = encoder_of(model), model.item_vectors()
    total = 0.0
    for start in range(0, len(cases), CHUNK):
        some = cases.take(slice(start, start + CHUNK))
        inputs = [torch.from_numpy(x) for x in some.inputs(length).padded()]
        vectors, repeats = encoder(*inputs)
        wanted = Wanted(torch.from_numpy(some.targets), torch.from_numpy(some.target_offsets[:-1]))
        scores = scores_of(vectors, repeats, inputs[0], item_vectors)  # (C, V + 1)
        total += float(basket_cross_entropy(scores, wanted)) * len(some)
    return total / max(1, len(cases))


def _seen(cases: Cases) -> tuple[Tensor, Tensor]:
    """(cases, items) of everything that stands in a case's history."""
    seen = cases.known(max(1, len(cases.histories.items)))
    owners = np.repeat(np.arange(len(cases)), np.diff(seen.offsets))
    return torch.from_numpy(owners), torch.from_numpy(seen.items)


def ndcg_of(top: Tensor, targets: Tensor, offsets: Tensor) -> Tensor:
    """(C,) normalised discounted cumulative gain (Järvelin and Kekäläinen 2002) with gain 1 for every target.

    top (C, k) item indexes, best first; case c wants targets[offsets[c]:offsets[c + 1]], of which 0 is never hit.
    """
    k = top.shape[1]
    sizes = offsets.diff()  # (C,)
    case = torch.repeat_interleave(torch.arange(len(sizes)), sizes)  # (M,)
    hits = ((top[case] == targets[:, None]) & (targets > 0)[:, None]).double()  # (M, k)
    discounts = 1 / torch.log2(torch.arange(2, k + 2, dtype=torch.float64))  # (k,)
    gain = torch.zeros(len(sizes), dtype=torch.float64).index_add(0, case, hits @ discounts)  # (C,)
    ideal = torch.cat([torch.zeros(1, dtype=torch.float64), discounts.cumsum(0)])[sizes.clamp(max=k)]  # (C,)
    return gain / ideal.clamp(min=discounts[0])
