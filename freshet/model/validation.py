"""How good the model is while it trains: NDCG@10 over held-out baskets, ranked among all items."""

import numpy as np
import torch
from torch import Tensor

from freshet.cases import Cases
from freshet.model.padded import PaddedShopperEncoder, scores_of
from freshet.model.transformer import Recommender

CHUNK = 256  # cases scored at once
CUT_OFF = 10


@torch.inference_mode()
def ndcg(model: Recommender, cases: Cases, length: int, exclude_seen: bool = False) -> float:
    """Mean NDCG@10 of the cases. A target outside the vocabulary counts as a miss.

    exclude_seen: whether the items of a history (all of it, not only its last `length` events) are left out.
    """
    was_training = model.training
    model.eval()
    encoder, item_vectors = PaddedShopperEncoder(model), model.item_vectors()
    order = np.argsort(cases.ends - cases.histories.offsets[cases.owners], kind="stable")  # like lengths together
    most = max(1, len(cases.histories.items))
    total = 0.0
    for start in range(0, len(cases), CHUNK):
        some = cases.take(order[start : start + CHUNK])
        inputs = [torch.from_numpy(x).to(item_vectors.device) for x in some.inputs(length).padded()]
        vectors, repeats = encoder(*inputs)
        scores = scores_of(vectors, repeats, inputs[0], item_vectors)  # (C, V + 1)
        if exclude_seen:
            seen = some.known(most)
            owners = np.repeat(np.arange(len(some)), np.diff(seen.offsets))
            scores[torch.from_numpy(owners), torch.from_numpy(seen.items)] = -torch.inf
        scores = scores[:, 1:]  # (C, V)
        top = scores.topk(min(CUT_OFF, scores.shape[1]), dim=1).indices + 1  # (C, 10)
        total += float(ndcg_of(top.cpu(), torch.from_numpy(some.targets), torch.from_numpy(some.target_offsets)).sum())
    model.train(was_training)
    return total / max(1, len(cases))


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
