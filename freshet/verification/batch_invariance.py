"""Batch invariance: recommendations must not depend on the other requests in a batch."""

from typing import Final

import numpy as np

from freshet.data.history import Ints, ModelInput
from freshet.inference.ranker import Ranker
from freshet.inference.scoring import Scores, select_histories, slice_batch, top_k

TOP_K: Final = 20
GROUP_SIZES: Final = (2, 16, 64)
# Items with scores this close, relative to the largest, may swap: a GPU rounds depending on the batch's shape.
NEAR_TIE_TOLERANCE: Final = {"cpu": 1e-5, "cuda": 1e-2}
GROUPING_SEED: Final = 7


def batch_invariance(ranker: Ranker, batch: ModelInput, tie_tolerance: float = NEAR_TIE_TOLERANCE["cpu"]) -> float:
    """Return the share of a batch's B histories whose top 20 is the same alone and in batches of 2, 16 and 64.

    The batches are random, so that they mix short and long histories. Items whose scores differ by less than
    `tie_tolerance` of the list's largest may swap. 1 without histories.
    """
    n_histories = len(batch.offsets) - 1
    single_scores = [ranker.score(slice_batch(batch, index, index + 1))[0] for index in range(n_histories)]
    is_invariant = np.ones(n_histories, dtype=np.bool_)
    order = np.random.default_rng(GROUPING_SEED).permutation(n_histories)
    for group in (order[start : start + n] for n in GROUP_SIZES for start in range(0, n_histories, n)):
        items = top_k(ranker.score(select_histories(batch, group)), TOP_K)[0]
        for index, row in zip(group, items, strict=True):
            is_invariant[index] &= _same_top_k(single_scores[index], row, tie_tolerance)
    return float(is_invariant.mean()) if n_histories else 1.0


def _same_top_k(scores: Scores, items: Ints, tie_tolerance: float) -> bool:
    """Whether `items` (TOP_K,) are the best by the scores (V + 1,), up to near ties."""
    top_items, top_scores = top_k(scores[None], TOP_K)
    is_filled = top_items[0] > 0
    if (items > 0).sum() != is_filled.sum():
        return False
    difference = np.abs(scores[items[is_filled]] - top_scores[0][is_filled]).max(initial=0.0)
    return bool(difference <= tie_tolerance * max(float(np.abs(top_scores[0][is_filled]).max(initial=0.0)), 1e-6))
