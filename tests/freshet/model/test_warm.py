"""Warm start: what is carried over, what is new, and what must not be forgotten."""

import dataclasses

import numpy as np
import pytest
import torch

from freshet.item_inputs import Field
from freshet.model.corpus import corpus
from freshet.model.lesson import lesson
from freshet.model.own import own
from freshet.model.params import ModelConfig, TrainParams
from freshet.model.start import untrained
from freshet.model.training import Means, train
from freshet.model.warm import Remembered, Yesterday, why_not
from tests.checkerboard import checkerboard, histories_of, training_set_of, vocabulary_of

DAY = 86400
PARAMS = TrainParams(
    length=6,
    width=16,
    vector=8,
    heads=2,
    blocks=1,
    members=2,
    dropout=0.0,
    learning_rate=0.01,
    max_epochs=3,
    patience=3,
)


def yesterday(items: int = 8, cut: int = 8) -> Yesterday:
    """An untrained model of the checkerboard's first items."""
    vocabulary = vocabulary_of(items)
    rows = [[(n, n * DAY) for n in range(1, items + 1)]]
    model = untrained(vocabulary, corpus(histories_of(rows)), PARAMS)
    return Yesterday("old", model, vocabulary.item_ids, 1, cut)


def test_old_items_keep_their_rows_and_new_ones_begin_as_their_content_says():
    old = yesterday(3)
    with torch.no_grad():
        old.model.items.fields[1].weight.fill_(0.5)  # what the category says
    rows = corpus(histories_of([[(n, n * DAY) for n in range(1, 6)]]))
    model = untrained(vocabulary_of(5), rows, PARAMS, old)
    vectors, before = model.item_vectors(), old.model.item_vectors()
    assert torch.equal(vectors[:4], before)
    assert torch.equal(model.items.ids.weight[4:], torch.zeros(2, 17))
    assert torch.allclose(vectors[4], torch.tensor([8**-0.5] * 16 + [0.5]))  # two vectors of length 1, and the bias
    assert torch.equal(model.shoppers[0].out.weight, old.model.shoppers[0].out.weight)
    assert model.met.tolist() == [False, True, True, True, True, True]


def test_an_item_that_yesterday_learned_from_stays_met():
    nobody_came_back_to_3 = corpus(histories_of([[(1, DAY), (2, 2 * DAY), (4, 3 * DAY)]]))
    model = untrained(vocabulary_of(4), nobody_came_back_to_3, PARAMS, yesterday(3))
    assert model.met.tolist() == [False, True, True, True, True]


def test_a_model_of_your_own_keeps_its_rows_too():
    params = PARAMS.model_copy(update={"model": "tests.own_models:SmallGru"})
    old = dataclasses.replace(yesterday(3), model=own(params.model, ModelConfig.of(params, 3)))
    model = untrained(vocabulary_of(5), corpus(checkerboard().histories), params, old)
    assert torch.equal(model.item_vectors()[1:4], old.model.item_vectors()[1:])


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
    assert why_not(dataclasses.replace(yesterday(), **change), vocabulary_of(8), PARAMS, 9) == why


@pytest.mark.parametrize("change", [{"width": 32}, {"blocks": 2}, {"model": "tests.own_models:SmallGru"}])
def test_a_model_of_another_configuration_does_not_fit(change):
    changed = PARAMS.model_copy(update=change)
    assert why_not(yesterday(), vocabulary_of(8), changed, 9) == "it is of another configuration"


def test_a_model_that_reads_other_columns_does_not_fit():
    today = dataclasses.replace(vocabulary_of(8), inputs=(Field("title", "words"),))
    assert why_not(yesterday(), today, PARAMS, 9) == "it reads other columns of the catalogue"


def test_a_column_that_is_named_since_asks_for_a_cold_training():
    old = yesterday()
    old.model.config = dataclasses.replace(old.model.config, inputs=old.model.config.inputs[:1])
    assert why_not(old, vocabulary_of(8), PARAMS, 9) == "it does not read category:category, price:number"


def test_what_an_earlier_model_held_out_is_held_out_again():
    rows = [[(1 + s % 4, DAY), (5, 2 * DAY), (6, 3 * DAY), (7, 4 * DAY)] for s in range(80)]
    shop = training_set_of(histories_of(rows), vocabulary_of(8), cut=4)
    taught = lesson(shop, PARAMS, older_cut=2)
    then = lesson(dataclasses.replace(shop, cut=2), PARAMS)
    assert taught.older is not None
    assert len(taught.older) == 30
    assert set(taught.older.owners) <= set(then.held_out.owners)
    assert set(taught.older.targets) == {5}  # the last basket up to day 2, of which nothing later is known
    assert set(taught.corpus.lengths[taught.older.owners]) == {1}
    assert lesson(shop, PARAMS).older is None


def test_a_delisted_item_is_never_a_target_and_still_seen():
    shop = training_set_of(histories_of([[(1, DAY), (2, 2 * DAY), (3, 3 * DAY)]] * 4), vocabulary_of(3), cut=3)
    shop.vocabulary.tombstones[2] = True
    taught = lesson(shop, PARAMS).corpus
    assert 2 not in taught.targets
    assert 2 in taught.items


def test_a_warm_start_begins_where_a_cold_one_was_and_is_repeatable():
    shop = checkerboard()
    cold = train(dataclasses.replace(shop, cut=8), PARAMS, "cpu")
    before = Yesterday("cold", cold.model, shop.vocabulary.item_ids, 1, 8)
    one = PARAMS.model_copy(update={"warm_epochs": 1})
    warm, again = (train(shop, one, "cpu", means=Means(yesterday=before)) for _ in range(2))
    assert warm.curve[0].loss < cold.curve[0].loss
    assert (warm.warm_from, len(warm.curve), warm.params) == ("cold", 1, one)
    assert warm.remembered is not None
    assert warm.remembered.cases == 20
    state, same = warm.model.state_dict(), again.model.state_dict()
    assert all(torch.equal(state[name], same[name]) for name in state)


@pytest.mark.parametrize(("before", "after", "lost"), [(0.2, 0.15, 0.25), (0.1, 0.2, -1.0), (0.0, 0.0, 0.0)])
def test_forgotten_is_the_share_of_yesterdays_ndcg_that_is_lost(before, after, lost):
    assert Remembered(40, before, after).forgotten == pytest.approx(lost)


def test_a_model_that_has_learned_from_the_days_that_judge_is_no_beginning():
    assert why_not(yesterday(cut=8), vocabulary_of(8), PARAMS, 8) == ""
    told = why_not(yesterday(cut=8), vocabulary_of(8), PARAMS, 7)
    assert told == "it has learned from days up to 1970-01-09, which today's model is judged on"
