"""How far what goes with what is trusted beside the model: measured on held-out baskets, after the training."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Final

import numpy as np
import torch

from freshet.model.lesson import Lesson
from freshet.model.own import Model
from freshet.model.validation import CUT_OFF, Scored, best_of, ndcg_of, score
from freshet.neighbourhood import NO_BLEND, Blend, Neighbours, near

TRUSTS: Final = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
RECENCIES: Final = (0.6, 0.8, 0.95)
MOST_CASES: Final = 2000  # enough for three digits of NDCG


def best_blend(model: Model, taught: Lesson, neighbours: Neighbours) -> tuple[Blend, float]:
    """The blend with which the held-out baskets are ranked best, and its NDCG@10. Of equals the least trusting."""
    cases = taught.held_out.take(slice(0, None, max(1, -(-len(taught.held_out) // MOST_CASES))))
    blends = [NO_BLEND, *(Blend(*pair) for pair in product(TRUSTS, RECENCIES))]
    targets, offsets = torch.from_numpy(cases.targets), torch.from_numpy(cases.target_offsets)
    lists = torch.zeros(len(blends), len(cases), CUT_OFF, dtype=torch.int64)
    for scored in score(model, cases, model.config.length, taught.exclude_seen):
        for number, found in enumerate(_lists(scored, neighbours, blends)):
            lists[number, scored.chosen] = found
    gained = np.array([float(ndcg_of(found, targets, offsets).sum()) for found in lists])
    best = int(gained.argmax())
    return blends[best], float(gained[best]) / max(1, len(cases))


def _lists(scored: Scored, neighbours: Neighbours, blends: Sequence[Blend]) -> Iterator[torch.Tensor]:
    """(B, CUT_OFF) for each blend. The nearness is counted once for each recency."""
    plain = scored.scores.cpu()
    counted = {r: near(scored.batch, neighbours, r, plain.shape[1]) for r in {b.recency for b in blends if b.trust}}
    for blend in blends:
        scores = plain.clone()
        if blend.trust:
            cells, values = counted[blend.recency]
            scores.view(-1)[torch.from_numpy(cells)] += torch.from_numpy(blend.trust * values).float()
        yield best_of(Scored(scored.chosen, scored.batch, scores, scored.never), CUT_OFF)
