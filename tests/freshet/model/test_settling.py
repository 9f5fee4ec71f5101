"""Six items in two categories: vectors that their category explains, and one item that nobody has met."""

import numpy as np
import pytest
import torch

from freshet.content import Columns, encode, fitted
from freshet.item_inputs import parse_schema
from freshet.model.params import ModelConfig, TrainParams
from freshet.model.settling import settle
from freshet.model.transformer import Recommender

ITEMS = 13
EVENTS = torch.tensor([0.0, *[100.0] * 12, 0.0])


@pytest.fixture
def model():
    """Odd items point to (1, 0, …), even ones to (0, 1, …), with a bias of 3; the last, an odd one, was never met."""
    torch.manual_seed(0)
    categories = np.array(["", *("odd" if n % 2 else "even" for n in range(1, ITEMS + 1))])
    columns = Columns({"category": categories}, np.full(ITEMS + 1, np.nan), {})
    inputs = fitted(parse_schema("category:category"), columns)
    config = ModelConfig.of(TrainParams(width=8, vector=8, members=1), ITEMS, inputs)
    made = Recommender(config).know(encode(inputs, columns))
    made.meet(EVENTS > 0)
    vectors = torch.zeros(ITEMS + 1, 8)
    vectors[1::2, 0] = vectors[2::2, 1] = 1.0
    return made.begin(vectors, torch.full((ITEMS + 1,), 3.0)).eval()


def test_items_that_were_met_keep_their_vectors(model):
    before = model.item_vectors().detach().clone()
    after = settle(model, EVENTS).item_vectors()
    assert torch.allclose(after[:-1], before[:-1], atol=1e-6)
    assert not model.training


def test_an_item_nobody_has_met_gets_the_vector_of_items_like_it(model):
    assert not model.item_vectors()[ITEMS].any()
    found = settle(model, EVENTS).item_vectors()[ITEMS]
    assert torch.allclose(found, torch.tensor([1.0, *[0.0] * 7, 3.0]), atol=0.02)


def test_padding_stays_nothing(model):
    assert not settle(model, EVENTS).item_vectors()[0].any()


def test_vectors_that_content_does_not_explain_stay_in_the_ids(model):
    with torch.no_grad():
        model.items.ids.weight[1:] = torch.randn(ITEMS, 9)
    before = model.item_vectors().detach().clone()
    settle(model, EVENTS)
    assert torch.allclose(model.item_vectors()[:-1], before[:-1], atol=1e-5)
    assert model.item_vectors()[ITEMS].norm() < before[1:-1].norm(dim=1).mean()


def test_a_model_of_ids_alone_is_left_as_it_is():
    bare = Recommender(ModelConfig.of(TrainParams(width=8, vector=8, members=1), 3))
    weights = bare.items.ids.weight.detach().clone()
    assert torch.equal(settle(bare, torch.ones(4)).items.ids.weight, weights)
