"""Warm start: copied weights, new items, reasons for a cold start, and forgetting."""

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


def test_old_items_keep_their_rows_and_new_ones_start_from_their_content():
    old = warm_model(3)
    with torch.no_grad():
        old.model.item_encoder.fields[1].weight.fill_(0.5)  # of the category
    rows = build_dataset(histories_of([[(n, n * DAY) for n in range(1, 6)]]))
    model = build_initial_model(vocabulary_of(5), rows, PARAMS, old)
    vectors, before = model.item_embeddings(), old.model.item_embeddings()
    assert torch.equal(vectors[:4], before)
    assert torch.equal(model.item_encoder.ids.weight[4:], torch.zeros(2, 17))
    assert torch.allclose(vectors[4], torch.tensor([8**-0.5] * 16 + [0.5]))  # two vectors of length 1, and the bias
    assert torch.equal(model.shopper_encoders[0].out.weight, old.model.shopper_encoders[0].out.weight)
    assert model.observed_items.tolist() == [False, True, True, True, True, True]


def test_an_item_that_the_earlier_model_observed_stays_observed():
    without_item_3 = build_dataset(histories_of([[(1, DAY), (2, 2 * DAY), (4, 3 * DAY)]]))
    model = build_initial_model(vocabulary_of(4), without_item_3, PARAMS, warm_model(3))
    assert model.observed_items.tolist() == [False, True, True, True, True]


def test_a_custom_model_keeps_its_rows_too():
    params = PARAMS.model_copy(update={"model_class": "tests.own_models:SmallGru"})
    old = dataclasses.replace(
        warm_model(3), model=build_custom_model(params.model_class, ModelConfig.from_params(params, 3))
    )
    model = build_initial_model(vocabulary_of(5), build_dataset(checkerboard_set().histories), params, old)
    assert torch.equal(model.item_embeddings()[1:4], old.model.item_embeddings()[1:])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, ""),
        ({"generation": 2}, "its vocabulary has generation 2, the current one 1"),
        (
            {"item_ids": np.array(["", *(f"i{n}" for n in range(1, 12))])},
            "its vocabulary has 11 items, the current one 8",
        ),
        ({"item_ids": np.array(["", "i2", "i1"])}, "its items have other indices"),
    ],
)
def test_a_model_that_does_not_fit_gives_the_reason(change, reason):
    assert warm_start_blocker(dataclasses.replace(warm_model(), **change), vocabulary_of(8), PARAMS, 9) == reason


@pytest.mark.parametrize("change", [{"hidden_dim": 32}, {"n_layers": 2}, {"model_class": "tests.own_models:SmallGru"}])
def test_a_model_of_another_configuration_does_not_fit(change):
    changed_params = PARAMS.model_copy(update=change)
    assert warm_start_blocker(warm_model(), vocabulary_of(8), changed_params, 9) == "it has another configuration"


def test_a_model_that_reads_other_columns_does_not_fit():
    current = dataclasses.replace(vocabulary_of(8), item_schema=(ItemFeature("title", "words"),))
    assert (
        warm_start_blocker(warm_model(), current, PARAMS, 9) == "it reads item columns that the setting does not name"
    )


def test_a_new_item_column_needs_a_cold_start():
    old = warm_model()
    old.model.config = dataclasses.replace(old.model.config, item_schema=old.model.config.item_schema[:1])
    assert warm_start_blocker(old, vocabulary_of(8), PARAMS, 9) == "it does not read category:category, price:number"


def test_baskets_that_the_earlier_model_held_out_are_held_out_again():
    rows = [[(1 + s % 4, DAY), (5, 2 * DAY), (6, 3 * DAY), (7, 4 * DAY)] for s in range(80)]
    shop = training_set_of(histories_of(rows), vocabulary_of(8), train_until=4)
    train_split = split_training_set(shop, PARAMS, previous_train_until=2)
    earlier_split = split_training_set(dataclasses.replace(shop, train_until=2), PARAMS)
    assert train_split.retention_cases is not None
    assert len(train_split.retention_cases) == 30
    assert set(train_split.retention_cases.shopper_index) <= set(earlier_split.validation_cases.shopper_index)
    assert set(train_split.retention_cases.targets) == {5}  # the last basket up to day 2
    assert set(train_split.dataset.lengths[train_split.retention_cases.shopper_index]) == {1}
    assert split_training_set(shop, PARAMS).retention_cases is None


def test_a_delisted_item_is_never_a_target_and_still_seen():
    shop = training_set_of(histories_of([[(1, DAY), (2, 2 * DAY), (3, 3 * DAY)]] * 4), vocabulary_of(3), train_until=3)
    shop.vocabulary.delisted[2] = True
    dataset = split_training_set(shop, PARAMS).dataset
    assert 2 not in dataset.targets
    assert 2 in dataset.items


def test_a_warm_start_begins_with_a_lower_loss_and_is_repeatable():
    shop = checkerboard_set()
    cold = train(dataclasses.replace(shop, train_until=8), PARAMS, "cpu")
    cold_model = WarmStartModel("cold", cold.model, shop.vocabulary.item_ids, 1, 8)
    one_epoch = PARAMS.model_copy(update={"warm_epochs": 1})
    warm, second = (train(shop, one_epoch, "cpu", context=TrainerContext(warm_start=cold_model)) for _ in range(2))
    assert warm.curve[0].loss < cold.curve[0].loss
    assert (warm.warm_start_id, len(warm.curve), warm.params) == ("cold", 1, one_epoch)
    assert warm.forgetting is not None
    assert warm.forgetting.n_cases == 20
    state, repeated_state = warm.model.state_dict(), second.model.state_dict()
    assert all(torch.equal(state[name], repeated_state[name]) for name in state)


@pytest.mark.parametrize(("before", "after", "loss_rate"), [(0.2, 0.15, 0.25), (0.1, 0.2, -1.0), (0.0, 0.0, 0.0)])
def test_the_loss_rate_is_the_lost_share_of_the_earlier_ndcg(before, after, loss_rate):
    assert ForgettingReport(40, before, after).ndcg_loss_rate == pytest.approx(loss_rate)


def test_a_model_trained_on_evaluation_days_does_not_fit():
    assert warm_start_blocker(warm_model(train_until=8), vocabulary_of(8), PARAMS, 8) == ""
    reason = warm_start_blocker(warm_model(train_until=8), vocabulary_of(8), PARAMS, 7)
    assert reason == "it was trained on days up to 1970-01-09, which are for the evaluation of the new model"
