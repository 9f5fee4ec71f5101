import numpy as np

from freshet.simulation.reactions import ALIKE, EXAMINED, LIKED, OTHER, WANTED, appeal, clicked_place


def test_what_is_wanted_appeals_most_then_its_category_then_what_is_liked() -> None:
    assert appeal(1, True, 1, (1, 2)) == WANTED
    assert appeal(1, False, 1, (1, 2)) == ALIKE
    assert appeal(2, False, 1, (1, 2)) == LIKED
    assert appeal(3, False, 1, (1, 2)) == OTHER
    assert WANTED > ALIKE > LIKED > OTHER


def test_a_certain_click_at_the_top_is_made_and_an_empty_list_is_left() -> None:
    assert clicked_place([1.0, 1.0], np.random.default_rng(0)) == 1
    assert clicked_place([0.0] * 10, np.random.default_rng(0)) is None
    assert clicked_place([], np.random.default_rng(0)) is None


def test_a_place_further_down_is_looked_at_less_often() -> None:
    rng = np.random.default_rng(0)
    found = [sum(clicked_place([0.0] * n + [1.0], rng) is not None for _ in range(2000)) / 2000 for n in (0, 2, 9)]
    np.testing.assert_allclose(found, [1.0, EXAMINED**2, EXAMINED**9], atol=0.03)
