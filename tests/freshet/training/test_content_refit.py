"""Content refit on items of two categories that explain their embeddings, with one item that is not observed."""

import numpy as np
import pytest
import torch

from freshet.data.item_encoding import ItemAttributes, encode_attributes, fit_schema
from freshet.item_schema import parse_schema
from freshet.model.params import ModelConfig, TrainParams
from freshet.model.transformer import Recommender
from freshet.training.content_refit import refit_content

N_ITEMS = 13
EVENT_COUNTS = torch.tensor([0.0, *[100.0] * 12, 0.0])


@pytest.fixture
def model():
    """Odd items point to (1, 0, …), even ones to (0, 1, …), with a bias of 3; the last, an odd one, is not observed."""
    torch.manual_seed(0)
    categories = np.array(["", *("odd" if n % 2 else "even" for n in range(1, N_ITEMS + 1))])
    columns = ItemAttributes({"category": categories}, np.full(N_ITEMS + 1, np.nan), {})
    inputs = fit_schema(parse_schema("category:category"), columns)
    config = ModelConfig.from_params(TrainParams(hidden_dim=8, embedding_dim=8, ensemble_size=1), N_ITEMS, inputs)
    recommender = Recommender(config).load_content(encode_attributes(inputs, columns))
    recommender.set_observed_items(EVENT_COUNTS > 0)
    vectors = torch.zeros(N_ITEMS + 1, 8)
    vectors[1::2, 0] = vectors[2::2, 1] = 1.0
    return recommender.init_item_embeddings(vectors, torch.full((N_ITEMS + 1,), 3.0)).eval()


def test_observed_items_keep_their_embeddings(model):
    before = model.item_embeddings().detach().clone()
    after = refit_content(model, EVENT_COUNTS).item_embeddings()
    assert torch.allclose(after[:-1], before[:-1], atol=1e-6)
    assert not model.training


def test_an_unobserved_item_gets_the_embedding_of_similar_items(model):
    assert not model.item_embeddings()[N_ITEMS].any()
    unseen_vector = refit_content(model, EVENT_COUNTS).item_embeddings()[N_ITEMS]
    assert torch.allclose(unseen_vector, torch.tensor([1.0, *[0.0] * 7, 3.0]), atol=0.02)


def test_padding_stays_zero(model):
    assert not refit_content(model, EVENT_COUNTS).item_embeddings()[0].any()


def test_embeddings_that_content_does_not_explain_stay_in_the_ids(model):
    with torch.no_grad():
        model.item_encoder.ids.weight[1:] = torch.randn(N_ITEMS, 9)
    before = model.item_embeddings().detach().clone()
    refit_content(model, EVENT_COUNTS)
    assert torch.allclose(model.item_embeddings()[:-1], before[:-1], atol=1e-5)
    assert model.item_embeddings()[N_ITEMS].norm() < before[1:-1].norm(dim=1).mean()


def test_a_model_without_content_is_not_changed():
    id_model = Recommender(ModelConfig.from_params(TrainParams(hidden_dim=8, embedding_dim=8, ensemble_size=1), 3))
    weights = id_model.item_encoder.ids.weight.detach().clone()
    assert torch.equal(refit_content(id_model, torch.ones(4)).item_encoder.ids.weight, weights)
