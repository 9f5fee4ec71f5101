"""A rung of the parity ladder: nobody's answer depends on who else asks."""

from typing import Final

import numpy as np

from freshet.history import Ints, ModelInput
from freshet.live.ranker import Ranker
from freshet.live.scorer import Scores, rows, taken, top_k

TOP: Final = 20
GROUPS: Final = (2, 16, 64)
# Scores so close, as a share of the largest, may change places: a GPU rounds by the shape of what it multiplies.
NEAR_TIE: Final = {"cpu": 1e-5, "cuda": 1e-2}
SEED: Final = 7


def alike_together(ranker: Ranker, batch: ModelInput, near_tie: float = NEAR_TIE["cpu"]) -> float:
    """The share of a batch's B histories whose top 20 is the same alone and in groups of 2, 16 and 64.

    The groups are drawn, so that short and long histories are asked together. Items whose scores differ by less than
    `near_tie` of the list's largest may stand in each other's place. 1 where there is no history.
    """
    size = len(batch.offsets) - 1
    alone = [ranker.score(rows(batch, place, place + 1))[0] for place in range(size)]
    alike = np.ones(size, dtype=np.bool_)
    order = np.random.default_rng(SEED).permutation(size)
    for group in (order[start : start + n] for n in GROUPS for start in range(0, size, n)):
        items = top_k(ranker.score(taken(batch, group)), TOP)[0]
        for place, row in zip(group, items, strict=True):
            alike[place] &= _same(alone[place], row, near_tie)
    return float(alike.mean()) if size else 1.0


def _same(alone: Scores, items: Ints, near_tie: float) -> bool:
    """Whether `items` (TOP,) are the best by the scores (V + 1,), but for near ties."""
    own, best = top_k(alone[None], TOP)
    there = own[0] > 0
    if (items > 0).sum() != there.sum():
        return False
    off = np.abs(alone[items[there]] - best[0][there]).max(initial=0.0)
    return bool(off <= near_tie * max(float(np.abs(best[0][there]).max(initial=0.0)), 1e-6))
