"""Sold-out items and the use of packs."""

import numpy as np

from freshet.simulation.preferences import is_replenishment_due
from freshet.simulation.stock import MAX_SOLD_OUT_DAYS, draw_sold_out


def test_a_few_places_are_sold_out_for_one_to_five_days() -> None:
    table = draw_sold_out(1, 400, 50)
    assert 0.015 < table.mean() < 0.05
    padded = np.pad(table.T, ((0, 0), (1, 1))).astype(int).ravel()
    begins, ends = (np.flatnonzero(np.diff(padded) == turn) for turn in (1, -1))
    lengths = ends - begins
    assert lengths.min() == 1
    assert np.median(lengths) <= MAX_SOLD_OUT_DAYS  # spells may meet


def test_the_same_seed_gives_the_same_stock() -> None:
    np.testing.assert_array_equal(draw_sold_out(1, 10, 50), draw_sold_out(1, 10, 50))
    assert (draw_sold_out(1, 10, 50) != draw_sold_out(2, 10, 50)).any()


def test_a_pack_is_used_up_once_every_period() -> None:
    #  a pack of 7 days, opened two days before day 0, is used up on days 5, 12, 19
    def is_needed_again(last_purchase: int, day: int) -> bool:
        return bool(is_replenishment_due(np.array([7]), np.array([2]), np.array([last_purchase]), np.array([day]))[0])

    assert not is_needed_again(0, 4)
    assert is_needed_again(0, 5)
    assert not is_needed_again(5, 11)
    assert is_needed_again(5, 12)
    assert is_needed_again(0, 30)
    assert not is_needed_again(-1, 30)  # a first session
