"""How far the counted tables are trusted beside the model: measured on held-out baskets, after the training."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Final

import numpy as np
import torch

from freshet.cases import Cases
from freshet.model.lesson import Lesson
from freshet.model.own import Model
from freshet.model.validation import CUT_OFF, Scored, best_of, ndcg_of, score
from freshet.neighbourhood import NO_BLEND, Blend, Cells, Tables, follow, near

TRUSTS: Final = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
RECENCIES: Final = (0.6, 0.8, 0.95)
RULES: Final = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
MOST_CASES: Final = 2000  # enough for three digits of NDCG


def best_blend(model: Model, taught: Lesson, tables: Tables) -> tuple[Blend, float]:
    """The blend with which the held-out baskets are ranked best, and its NDCG@10. Of equals the least trusting.

    One table after the other: first the neighbours without rules, then the rules with the best neighbours and without.
    """
    cases = taught.held_out.take(slice(0, None, max(1, -(-len(taught.held_out) // MOST_CASES))))
    near_only = [NO_BLEND, *(Blend(*pair) for pair in product(TRUSTS, RECENCIES))]
    best, score = _best(model, taught, cases, tables, near_only)
    with_rules = [replace(blend, rules=trust) for trust in RULES for blend in dict.fromkeys((NO_BLEND, best))]
    other, other_score = _best(model, taught, cases, tables, with_rules)
    return (other, other_score) if other_score > score else (best, score)


def _best(model: Model, taught: Lesson, cases: Cases, tables: Tables, blends: Sequence[Blend]) -> tuple[Blend, float]:
    targets, offsets = torch.from_numpy(cases.targets), torch.from_numpy(cases.target_offsets)
    lists = torch.zeros(len(blends), len(cases), CUT_OFF, dtype=torch.int64)
    for scored in score(model, cases, model.config.length, taught.exclude_seen):
        for number, found in enumerate(_lists(scored, tables, blends)):
            lists[number, scored.chosen] = found
    gained = np.array([float(ndcg_of(found, targets, offsets).sum()) for found in lists])
    best = int(gained.argmax())
    return blends[best], float(gained[best]) / max(1, len(cases))


def _lists(scored: Scored, tables: Tables, blends: Sequence[Blend]) -> Iterator[torch.Tensor]:
    """(B, CUT_OFF) for each blend. Nearness is counted once for each recency, the rules once."""
    plain = scored.scores.cpu()
    columns = plain.shape[1]
    counted = {r: near(scored.batch, tables.near, r, columns) for r in {b.recency for b in blends if b.trust}}
    ruled = follow(scored.batch, tables.rules, columns) if any(b.rules for b in blends) else None
    for blend in blends:
        scores = plain.clone()
        if blend.trust:
            _add(scores, counted[blend.recency], blend.trust)
        if blend.rules and ruled is not None:
            _add(scores, ruled, blend.rules)
        yield best_of(Scored(scored.chosen, scored.batch, scores, scored.never), CUT_OFF)


def _add(scores: torch.Tensor, counted: Cells, trust: float) -> None:
    cells, values = counted
    scores.view(-1)[torch.from_numpy(cells)] += torch.from_numpy(trust * values).float()
