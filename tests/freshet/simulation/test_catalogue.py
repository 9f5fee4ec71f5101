import numpy as np
import pytest

from freshet.simulation.catalogue import Catalogue, catalogue
from freshet.simulation.params import Drift, ShopParams

STEADY = ShopParams(items=240, days=10, turnover=0.0)


@pytest.fixture(scope="module")
def goods() -> Catalogue:
    return catalogue(STEADY, np.random.default_rng(1))


def changing(**more: object) -> Catalogue:
    return catalogue(ShopParams(items=240, days=10, **more), np.random.default_rng(1))


def test_titles_say_brand_make_and_kind_and_are_told_apart(goods: Catalogue) -> None:
    assert goods.titles[0] == "Norrland light tent"
    assert len(set(goods.titles)) == 240


def test_a_few_items_are_far_better_known_than_the_rest(goods: Catalogue) -> None:
    assert goods.weights.sum() == pytest.approx(1.0)
    assert np.sort(goods.weights)[::-1][:24].sum() > 0.3


def test_without_turnover_everything_is_on_sale_always(goods: Catalogue) -> None:
    assert len(goods) == 240
    assert set(goods.first_days) == {0}
    assert set(goods.last_days) == {10}


def test_a_new_item_takes_the_place_of_a_delisted_one() -> None:
    goods = changing(turnover=0.05)
    later = np.flatnonzero(goods.first_days > 0)
    assert len(goods) == 240 + len(later)
    assert len(later) > 50
    for item in later[:20]:
        before = goods.on_sale[goods.first_days[item] - 1, goods.places[item]]
        assert goods.last_days[before] == goods.first_days[item] - 1
        assert goods.categories[before] == goods.categories[item]
        assert goods.item_ids[before] != goods.item_ids[item]
        assert goods.titles[item].rpartition(" mark ")[0] == goods.titles[before].partition(" mark ")[0]


def test_exactly_as_many_items_are_on_sale_every_day() -> None:
    goods = changing(turnover=0.05)
    for day in range(11):
        there = np.flatnonzero((goods.first_days <= day) & (day <= goods.last_days))
        np.testing.assert_array_equal(there, np.sort(goods.on_sale[day]))


def test_a_drift_of_the_catalogue_replaces_its_share_of_the_items_on_its_day() -> None:
    goods = changing(turnover=0.0, drifts=(Drift("catalogue", 4, 0.5),))
    assert set(goods.first_days) == {0, 4}
    assert 0.4 < (goods.first_days == 4).sum() / 240 < 0.6
    assert len(changing(turnover=0.0, drifts=(Drift("catalogue", 4, 1.0),))) == 480
