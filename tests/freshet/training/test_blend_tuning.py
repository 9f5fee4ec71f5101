"""The tuned blend weights of neighbours and sequential rules."""

import numpy as np
import torch

from freshet.data.eval_cases import last_basket_cases
from freshet.data.knn_blend import NO_BLEND, BlendTables, ItemKnn
from freshet.data.sequential_rules import SequentialRules, count_rules
from freshet.model.params import ModelConfig, TrainParams
from freshet.model.transformer import Recommender
from freshet.training.blend_tuning import tune_blend
from freshet.training.dataset import build_dataset
from freshet.training.split import TrainValidationSplit
from tests.checkerboard import histories_of

ITEMS = 60
PARAMS = TrainParams(max_history=4, hidden_dim=8, embedding_dim=8, n_heads=2, n_layers=1, ensemble_size=1)
# Item 2 n + 1 follows item 2 n; there is no other pattern.
PAIR_HISTORIES = histories_of([[(2 * n, 0), (2 * n + 1, 60)] for n in range(1, 29)])


def zero_model() -> Recommender:
    """A model whose scores are all 0."""
    model = Recommender(ModelConfig.from_params(PARAMS, ITEMS)).init_item_embeddings(
        torch.zeros(ITEMS + 1, 8), torch.zeros(ITEMS + 1)
    )
    return model.eval()


def train_split() -> TrainValidationSplit:
    return TrainValidationSplit(
        build_dataset(PAIR_HISTORIES), last_basket_cases(PAIR_HISTORIES, 0, 1.0, 0), PAIR_HISTORIES
    )


def neighbour_tables(similarity: float, step: int, rules: SequentialRules | None = None) -> BlendTables:
    """Every item's only neighbour is the one `step` further on."""
    items = ((np.arange(ITEMS + 1) + step) % (ITEMS + 1)).astype(np.int32)[:, None]
    near = ItemKnn(items, np.full((ITEMS + 1, 1), similarity, dtype=np.float32))
    return BlendTables(near, rules or SequentialRules.empty(ITEMS + 1))


def test_predictive_neighbours_get_a_weight():
    blend, score = tune_blend(zero_model(), train_split(), neighbour_tables(0.5, 1))
    assert blend.knn_weight > 0
    assert score == 1.0


def test_random_neighbours_get_no_weight():
    blend, _ = tune_blend(zero_model(), train_split(), neighbour_tables(0.5, 7))
    assert blend == NO_BLEND


def test_a_shop_without_neighbours_has_no_blend():
    blend, _ = tune_blend(zero_model(), train_split(), neighbour_tables(0.0, 1))
    assert blend == NO_BLEND


def test_predictive_rules_get_a_weight_beside_random_neighbours():
    blend, score = tune_blend(
        zero_model(), train_split(), neighbour_tables(0.5, 7, count_rules(PAIR_HISTORIES, 0, ITEMS + 1))
    )
    assert (blend.knn_weight, blend.rule_weight > 0, score) == (0.0, True, 1.0)


def test_rules_that_add_nothing_to_the_neighbours_get_no_weight():
    blend, _ = tune_blend(
        zero_model(), train_split(), neighbour_tables(0.5, 1, count_rules(PAIR_HISTORIES, 0, ITEMS + 1))
    )
    assert blend.knn_weight > 0
    assert blend.rule_weight == 0
