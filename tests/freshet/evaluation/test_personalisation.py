"""Personalisation: how much the lists of different shoppers differ."""

import numpy as np
import pytest

from freshet.evaluation.personalisation import distinct_list_share, personalisation, random_personalisation


def test_equal_lists_have_no_personalisation():
    same_lists = np.array([[1, 2], [2, 1], [1, 2]])
    assert personalisation(same_lists, np.arange(3)) == 0.0
    assert distinct_list_share(same_lists) == pytest.approx(2 / 3)  # the order differs once


def test_personalisation_is_the_mean_share_of_places_that_differ_over_all_pairs():
    # 1–2 share one of two items, 1–3 none, 2–3 one: (0.5 + 1 + 0.5) / 3
    assert personalisation(np.array([[1, 2], [2, 3], [3, 4]]), np.arange(3)) == pytest.approx(2 / 3)


def test_lists_of_the_same_shopper_are_not_compared():
    lists, owners = np.array([[1, 2], [1, 2], [3, 4]]), np.array([0, 0, 1])
    assert personalisation(lists, owners) == 1.0
    assert personalisation(lists[:2], owners[:2]) == 1.0  # no other shopper to compare with


def test_empty_places_are_no_items_that_two_share():
    assert personalisation(np.array([[1, 0], [2, 0]]), np.arange(2)) == 1.0


def test_by_chance_lists_of_a_small_shop_overlap():
    assert random_personalisation(10, 40) == 0.75
    assert random_personalisation(10, 8) == 0.0
    # 2,000 lists of 10 drawn from 40 items: what chance gives on average
    random_lists = np.argsort(np.random.default_rng(0).random((2000, 40)), axis=1)[:, :10] + 1
    assert personalisation(random_lists, np.arange(2000)) == pytest.approx(0.75, abs=0.01)


def test_without_lists_no_item_is_distinct():
    assert distinct_list_share(np.zeros((0, 3), dtype=np.int64)) == 0.0
