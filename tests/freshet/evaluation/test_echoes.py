"""Echoes: baskets that repeat the item of the event just before."""

import numpy as np

from freshet.data.history import Histories
from freshet.evaluation.echoes import echo_share


def histories(*shoppers: list[tuple[int, int, int]]) -> Histories:
    """Rows are (item, second, landing day)."""
    rows = np.array([row for shopper in shoppers for row in shopper], dtype=np.int64).reshape(-1, 3)
    offsets = np.cumsum([0, *map(len, shoppers)], dtype=np.int64)
    names = np.array([f"s{n}" for n in range(len(shoppers))])
    return Histories(names, offsets, rows[:, 0], np.ones(len(rows), dtype=np.int64), rows[:, 1], rows[:, 2])


def test_the_same_item_a_second_later_is_an_echo_and_a_minute_later_is_none():
    views = [(1, 0, 1), (2, 100, 2), (2, 101, 2), (2, 200, 2)]
    assert echo_share(histories(views), 1, 2) == 1 / 3


def test_without_a_limit_the_same_item_again_counts_after_any_time():
    views = [(1, 0, 1), (2, 100, 2), (2, 101, 2), (2, 99_200, 2)]
    assert echo_share(histories(views), 1, 2, max_gap_s=None) == 2 / 3


def test_only_the_requested_days_count():
    views = [(1, 0, 1), (1, 1, 1), (2, 100, 2), (3, 101, 2)]
    assert echo_share(histories(views), 0, 1) == 1.0
    assert echo_share(histories(views), 1, 2) == 0.0


def test_another_shoppers_view_is_no_echo_and_a_first_basket_is_no_case():
    assert echo_share(histories([(1, 0, 1)], [(1, 1, 1)]), 0, 1) == 0.0


def test_one_basket_of_two_rows_is_no_echo_of_itself():
    assert echo_share(histories([(2, 0, 1), (1, 50, 1), (1, 50, 1)]), 0, 1) == 0.0
