import numpy as np
import pytest

from freshet.simulation.reactions import ALIKE, EXAMINED, LIKED, NOTICED, OTHER, WANTED, appeal, clicked_place


def test_what_is_wanted_appeals_most_then_its_category_then_what_is_liked() -> None:
    assert appeal(1, True, 1, (1, 2)) == WANTED
    assert appeal(1, False, 1, (1, 2)) == ALIKE
    assert appeal(2, False, 1, (1, 2)) == LIKED
    assert appeal(3, False, 1, (1, 2)) == OTHER
    assert WANTED > ALIKE > LIKED > OTHER


def clicked(appeals: list[float], lists: int) -> list[int]:
    rng = np.random.default_rng(0)
    return [place for place in (clicked_place(appeals, rng) for _ in range(lists)) if place is not None]


def test_most_lists_are_not_looked_at_whatever_they_hold() -> None:
    assert len(clicked([1.0, 1.0], 5000)) / 5000 == pytest.approx(NOTICED, abs=0.015)


def test_a_certain_click_is_at_the_top_and_an_empty_list_is_left() -> None:
    assert set(clicked([1.0, 1.0], 500)) == {1}
    assert clicked([0.0] * 10, 500) == []
    assert clicked([], 500) == []


def test_a_place_further_down_is_looked_at_less_often() -> None:
    found = [len(clicked([0.0] * n + [1.0], 20_000)) / 20_000 / NOTICED for n in (0, 2, 9)]
    np.testing.assert_allclose(found, [1.0, EXAMINED**2, EXAMINED**9], atol=0.07)


def test_two_lists_shown_to_the_same_shopper_differ_by_the_lists_only() -> None:
    def clicks(appeals: list[float]) -> list[bool]:
        return [clicked_place(appeals, np.random.default_rng(seed)) is not None for seed in range(1000)]

    worse, better = clicks([0.2] * 5), clicks([0.6] * 5)
    assert 0 < sum(worse) < sum(better)
    assert not any(one and not other for one, other in zip(worse, better, strict=True))
