"""Warm start: what is carried over, what is new, and what must not be forgotten."""

import dataclasses

import numpy as np
import pytest
import torch

from freshet.item_schema import ItemFeature
from freshet.model.custom import build_custom_model
from freshet.model.params import ModelConfig, TrainParams
from freshet.training.dataset import build_dataset
from freshet.training.initialisation import build_initial_model
from freshet.training.split import split_training_set
from freshet.training.trainer import TrainerContext, train
from freshet.training.warm_start import ForgettingReport, WarmStartModel, warm_start_blocker
from tests.checkerboard import checkerboard_set, histories_of, training_set_of, vocabulary_of

DAY = 86400
PARAMS = TrainParams(
    max_history=6,
    hidden_dim=16,
    embedding_dim=8,
    n_heads=2,
    n_layers=1,
    ensemble_size=2,
    dropout=0.0,
    learning_rate=0.01,
    max_epochs=3,
    patience=3,
)


def warm_model(items: int = 8, train_until: int = 8) -> WarmStartModel:
    """An untrained model of the checkerboard's first items."""
    vocabulary = vocabulary_of(items)
    rows = [[(n, n * DAY) for n in range(1, items + 1)]]
    model = build_initial_model(vocabulary, build_dataset(histories_of(rows)), PARAMS)
    return WarmStartModel("old", model, vocabulary.item_ids, 1, train_until)


def test_old_items_keep_their_rows_and_new_ones_begin_as_their_content_says():
    old = warm_model(3)
    with torch.no_grad():
        old.model.item_encoder.fields[1].weight.fill_(0.5)  # what the category says
    rows = build_dataset(histories_of([[(n, n * DAY) for n in range(1, 6)]]))
    model = build_initial_model(vocabulary_of(5), rows, PARAMS, old)
    vectors, before = model.item_embeddings(), old.model.item_embeddings()
    assert torch.equal(vectors[:4], before)
    assert torch.equal(model.item_encoder.ids.weight[4:], torch.zeros(2, 17))
    assert torch.allclose(vectors[4], torch.tensor([8**-0.5] * 16 + [0.5]))  # two vectors of length 1, and the bias
    assert torch.equal(model.shopper_encoders[0].out.weight, old.model.shopper_encoders[0].out.weight)
    assert model.observed_items.tolist() == [False, True, True, True, True, True]


def test_an_item_that_yesterday_learned_from_stays_met():
    nobody_came_back_to_3 = build_dataset(histories_of([[(1, DAY), (2, 2 * DAY), (4, 3 * DAY)]]))
    model = build_initial_model(vocabulary_of(4), nobody_came_back_to_3, PARAMS, warm_model(3))
    assert model.observed_items.tolist() == [False, True, True, True, True]


def test_a_model_of_your_own_keeps_its_rows_too():
    params = PARAMS.model_copy(update={"model": "tests.own_models:SmallGru"})
    old = dataclasses.replace(
        warm_model(3), model=build_custom_model(params.model_class, ModelConfig.from_params(params, 3))
    )
    model = build_initial_model(vocabulary_of(5), build_dataset(checkerboard_set().histories), params, old)
    assert torch.equal(model.item_embeddings()[1:4], old.model.item_embeddings()[1:])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, ""),
        ({"generation": 2}, "its vocabulary is of generation 2, today's of 1"),
        ({"item_ids": np.array(["", *(f"i{n}" for n in range(1, 12))])}, "it knows 11 items, today's vocabulary 8"),
        ({"item_ids": np.array(["", "i2", "i1"])}, "its items have other indexes"),
    ],
)
def test_a_model_that_does_not_fit_says_why(change, why):
    assert warm_start_blocker(dataclasses.replace(warm_model(), **change), vocabulary_of(8), PARAMS, 9) == why


@pytest.mark.parametrize("change", [{"width": 32}, {"blocks": 2}, {"model": "tests.own_models:SmallGru"}])
def test_a_model_of_another_configuration_does_not_fit(change):
    changed_params = PARAMS.model_copy(update=change)
    assert warm_start_blocker(warm_model(), vocabulary_of(8), changed_params, 9) == "it is of another configuration"


def test_a_model_that_reads_other_columns_does_not_fit():
    today = dataclasses.replace(vocabulary_of(8), inputs=(ItemFeature("title", "words"),))
    assert warm_start_blocker(warm_model(), today, PARAMS, 9) == "it reads other columns of the catalogue"


def test_a_column_that_is_named_since_asks_for_a_cold_training():
    old = warm_model()
    old.model.config = dataclasses.replace(old.model.config, inputs=old.model.config.item_schema[:1])
    assert warm_start_blocker(old, vocabulary_of(8), PARAMS, 9) == "it does not read category:category, price:number"


def test_what_an_earlier_model_held_out_is_held_out_again():
    rows = [[(1 + s % 4, DAY), (5, 2 * DAY), (6, 3 * DAY), (7, 4 * DAY)] for s in range(80)]
    shop = training_set_of(histories_of(rows), vocabulary_of(8), train_until=4)
    train_split = split_training_set(shop, PARAMS, previous_train_until=2)
    earlier_split = split_training_set(dataclasses.replace(shop, cut=2), PARAMS)
    assert train_split.retention_cases is not None
    assert len(train_split.retention_cases) == 30
    assert set(train_split.retention_cases.shopper_index) <= set(earlier_split.validation_cases.shopper_index)
    assert set(train_split.retention_cases.targets) == {
        5
    }  # the last basket up to day 2, of which nothing later is known
    assert set(train_split.dataset.lengths[train_split.retention_cases.shopper_index]) == {1}
    assert split_training_set(shop, PARAMS).retention_cases is None


def test_a_delisted_item_is_never_a_target_and_still_seen():
    shop = training_set_of(histories_of([[(1, DAY), (2, 2 * DAY), (3, 3 * DAY)]] * 4), vocabulary_of(3), train_until=3)
    shop.vocabulary.delisted[2] = True
    dataset = split_training_set(shop, PARAMS).dataset
    assert 2 not in dataset.targets
    assert 2 in dataset.items


def test_a_warm_start_begins_where_a_cold_one_was_and_is_repeatable():
    shop = checkerboard_set()
    cold = train(dataclasses.replace(shop, cut=8), PARAMS, "cpu")
    cold_model = WarmStartModel("cold", cold.model, shop.vocabulary.item_ids, 1, 8)
    one_epoch = PARAMS.model_copy(update={"warm_epochs": 1})
    warm, second = (train(shop, one_epoch, "cpu", context=TrainerContext(warm_start=cold_model)) for _ in range(2))
    assert warm.curve[0].loss < cold.curve[0].loss
    assert (warm.warm_start_id, len(warm.curve), warm.params) == ("cold", 1, one_epoch)
    assert warm.forgetting is not None
    assert warm.forgetting.n_cases == 20
    state, repeated_state = warm.model.state_dict(), second.model.state_dict()
    assert all(torch.equal(state[name], repeated_state[name]) for name in state)


@pytest.mark.parametrize(("before", "after", "lost"), [(0.2, 0.15, 0.25), (0.1, 0.2, -1.0), (0.0, 0.0, 0.0)])
def test_forgotten_is_the_share_of_yesterdays_ndcg_that_is_lost(before, after, lost):
    assert ForgettingReport(40, before, after).ndcg_loss_rate == pytest.approx(lost)


def test_a_model_that_has_learned_from_the_days_that_judge_is_no_beginning():
    assert warm_start_blocker(warm_model(train_until=8), vocabulary_of(8), PARAMS, 8) == ""
    reason = warm_start_blocker(warm_model(train_until=8), vocabulary_of(8), PARAMS, 7)
    assert reason == "it has learned from days up to 1970-01-09, which today's model is judged on"
