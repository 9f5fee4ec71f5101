"""The split of a training set into training and validation baskets."""

import numpy as np
import pytest

from freshet.errors import FreshetError
from freshet.model.params import TrainParams
from freshet.training.split import split_training_set
from tests.checkerboard import N_EVENTS, N_SHOPPERS, checkerboard_set, histories_of, training_set_of, vocabulary_of

DAY = 86400


def test_the_held_out_baskets_are_the_last_and_not_in_the_training_split():
    train_split = split_training_set(checkerboard_set(), TrainParams(validation_fraction=0.25))
    held_out_owners = train_split.validation_cases.shopper_index
    assert len(held_out_owners) == N_SHOPPERS // 2  # the share alone would be ten; a small shop gives half, up to 30
    assert set(train_split.dataset.lengths[held_out_owners]) == {N_EVENTS - 1}
    assert set(np.delete(train_split.dataset.lengths, held_out_owners)) == {N_EVENTS}


def test_nothing_landed_after_the_cut_is_learned():
    rows = [[(1, DAY), (2, 2 * DAY), (3, 3 * DAY)] for _ in range(4)]
    train_split = split_training_set(
        training_set_of(histories_of(rows), vocabulary_of(3), train_until=2), TrainParams()
    )
    assert 3 not in train_split.dataset.items
    assert 3 not in train_split.validation_cases.targets


def test_the_seed_chooses_the_held_out_shoppers():
    first, second, other = (
        split_training_set(checkerboard_set(), TrainParams(seed=s)).validation_cases.shopper_index.tolist()
        for s in (0, 0, 1)
    )
    assert first == second != other


def test_a_shop_with_one_item_is_refused():
    shop = training_set_of(histories_of([[(1, DAY), (1, 2 * DAY)]]), vocabulary_of(1), train_until=3)
    with pytest.raises(FreshetError) as error:
        split_training_set(shop, TrainParams())
    assert str(error.value) == (
        "training set as of 1970-01-05: 1 items up to the last training day: there is nothing to rank; "
        "land events with at least two items"
    )


def test_shoppers_with_a_single_basket_are_refused():
    shop = training_set_of(histories_of([[(1, DAY)], [(2, DAY), (1, 2 * DAY)]]), vocabulary_of(2), train_until=3)
    with pytest.raises(FreshetError) as error:
        split_training_set(shop, TrainParams())
    assert str(error.value) == (
        "training set as of 1970-01-05: 1 shoppers with two baskets up to the last training day: there is no next "
        "basket to learn; land more days, or "
        "check that the mapping gives all events of a shopper the same user and session"
    )
