"""The click model: which items of a list are viewed and clicked."""

import numpy as np
import pytest

from freshet.simulation.click_model import (
    P_CLICK_FAVORITE,
    P_CLICK_INTENDED,
    P_CLICK_OTHER,
    P_CLICK_SAME_CATEGORY,
    P_CONTINUE,
    P_NOTICE_LIST,
    click_probability,
    clicked_position,
)


def test_needed_items_appeal_most_then_their_category_then_the_taste() -> None:
    assert click_probability(1, True, 1, (1, 2)) == P_CLICK_INTENDED
    assert click_probability(1, False, 1, (1, 2)) == P_CLICK_SAME_CATEGORY
    assert click_probability(2, False, 1, (1, 2)) == P_CLICK_FAVORITE
    assert click_probability(3, False, 1, (1, 2)) == P_CLICK_OTHER
    assert P_CLICK_INTENDED > P_CLICK_SAME_CATEGORY > P_CLICK_FAVORITE > P_CLICK_OTHER


def clicked_places(appeals: list[float], lists: int) -> list[int]:
    rng = np.random.default_rng(0)
    return [index for index in (clicked_position(appeals, rng) for _ in range(lists)) if index is not None]


def test_most_lists_are_not_viewed_at_any_content() -> None:
    assert len(clicked_places([1.0, 1.0], 5000)) / 5000 == pytest.approx(P_NOTICE_LIST, abs=0.015)


def test_a_certain_click_is_at_the_top_and_an_empty_list_is_left() -> None:
    assert set(clicked_places([1.0, 1.0], 500)) == {1}
    assert clicked_places([0.0] * 10, 500) == []
    assert clicked_places([], 500) == []


def test_a_place_further_down_is_viewed_less_often() -> None:
    notice_rates = [len(clicked_places([0.0] * n + [1.0], 20_000)) / 20_000 / P_NOTICE_LIST for n in (0, 2, 9)]
    np.testing.assert_allclose(notice_rates, [1.0, P_CONTINUE**2, P_CONTINUE**9], atol=0.07)


def test_two_lists_shown_to_the_same_shopper_differ_by_the_lists_only() -> None:
    def click_flags(appeals: list[float]) -> list[bool]:
        return [clicked_position(appeals, np.random.default_rng(seed)) is not None for seed in range(1000)]

    worse_clicks, better_clicks = click_flags([0.2] * 5), click_flags([0.6] * 5)
    assert 0 < sum(worse_clicks) < sum(better_clicks)
    assert not any(one and not other for one, other in zip(worse_clicks, better_clicks, strict=True))
