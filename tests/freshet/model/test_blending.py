import numpy as np
import torch

from freshet.cases import last_basket_cases
from freshet.model.blending import best_blend
from freshet.model.corpus import corpus
from freshet.model.lesson import Lesson
from freshet.model.params import ModelConfig, TrainParams
from freshet.model.transformer import Recommender
from freshet.neighbourhood import NO_BLEND, Neighbours, Tables
from freshet.sequential_rules import Rules, sequential_rules
from tests.checkerboard import histories_of

ITEMS = 60
PARAMS = TrainParams(length=4, width=8, vector=8, heads=2, blocks=1, members=1)
# After item 2 n comes item 2 n + 1, and nothing else can be known.
WORLD = histories_of([[(2 * n, 0), (2 * n + 1, 60)] for n in range(1, 29)])


def ignorant() -> Recommender:
    """A model whose scores are all 0."""
    model = Recommender(ModelConfig.of(PARAMS, ITEMS)).begin(torch.zeros(ITEMS + 1, 8), torch.zeros(ITEMS + 1))
    return model.eval()


def taught() -> Lesson:
    return Lesson(corpus(WORLD), last_basket_cases(WORLD, 0, 1.0, 0), WORLD)


def table(similarity: float, step: int, rules: Rules | None = None) -> Tables:
    """Every item's only neighbour is the one `step` further on."""
    items = ((np.arange(ITEMS + 1) + step) % (ITEMS + 1)).astype(np.int32)[:, None]
    near = Neighbours(items, np.full((ITEMS + 1, 1), similarity, dtype=np.float32))
    return Tables(near, rules or Rules.none(ITEMS + 1))


def test_neighbours_that_know_what_comes_next_are_trusted():
    blend, score = best_blend(ignorant(), taught(), table(0.5, 1))
    assert blend.trust > 0
    assert score == 1.0


def test_neighbours_that_know_nothing_are_not_trusted():
    blend, _ = best_blend(ignorant(), taught(), table(0.5, 7))
    assert blend == NO_BLEND


def test_a_shop_without_neighbours_is_left_to_the_model():
    blend, _ = best_blend(ignorant(), taught(), table(0.0, 1))
    assert blend == NO_BLEND


def test_rules_that_know_what_comes_next_are_trusted_beside_neighbours_that_do_not():
    blend, score = best_blend(ignorant(), taught(), table(0.5, 7, sequential_rules(WORLD, 0, ITEMS + 1)))
    assert (blend.trust, blend.rules > 0, score) == (0.0, True, 1.0)


def test_rules_that_add_nothing_to_the_neighbours_are_not_trusted():
    blend, _ = best_blend(ignorant(), taught(), table(0.5, 1, sequential_rules(WORLD, 0, ITEMS + 1)))
    assert blend.trust > 0
    assert blend.rules == 0
