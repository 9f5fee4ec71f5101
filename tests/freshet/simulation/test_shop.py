from dataclasses import fields
from datetime import date

import numpy as np
import pytest

from freshet.simulation.catalogue import catalogue
from freshet.simulation.params import ShopParams
from freshet.simulation.moments import EVENT_NAMES
from freshet.simulation.shop import Shop, generate

SMALL = ShopParams(shoppers=200, items=120, days=5)
DAY = 86_400


@pytest.fixture(scope="module")
def shop() -> Shop:
    return generate(SMALL)


def test_the_same_seed_gives_the_same_shop(shop: Shop) -> None:
    again = generate(SMALL)
    for part in fields(shop.events):
        np.testing.assert_array_equal(getattr(again.events, part.name), getattr(shop.events, part.name))
    np.testing.assert_array_equal(again.catalogue.titles, shop.catalogue.titles)


def test_another_seed_gives_another_shop(shop: Shop) -> None:
    other = generate(ShopParams(seed=2, shoppers=200, items=120, days=5))
    assert not np.array_equal(other.events.item[:100], shop.events.item[:100])


def test_every_event_lies_in_the_days_of_the_shop(shop: Shop) -> None:
    first = (SMALL.first_day - date(1970, 1, 1)).days
    days = np.unique(shop.events.time // DAY)
    np.testing.assert_array_equal(days, np.arange(first, first + 5))


def test_a_shopper_does_one_thing_at_a_time(shop: Shop) -> None:
    order = np.lexsort((shop.events.time, shop.events.shopper))
    same = np.diff(shop.events.shopper[order]) == 0
    assert np.diff(shop.events.time[order])[same].min() >= 5


def test_what_is_bought_was_in_the_cart_and_looked_at_just_before(shop: Shop) -> None:
    order = np.lexsort((shop.events.time, shop.events.shopper))
    kind, item = shop.events.kind[order], shop.events.item[order]
    bought = np.flatnonzero(EVENT_NAMES[kind] == "purchase")
    assert len(bought) > 100
    assert set(EVENT_NAMES[kind[bought - 1]]) == {"cart"}
    assert set(EVENT_NAMES[kind[bought - 2]]) == {"view"}
    np.testing.assert_array_equal(item[bought - 2], item[bought])


def test_a_visit_belongs_to_one_shopper(shop: Shop) -> None:
    pairs = np.unique(np.stack([shop.events.visit, shop.events.shopper]), axis=1)
    assert len(np.unique(pairs[0])) == pairs.shape[1]


def test_most_steps_follow_the_chain_and_popularity_is_long_tailed(shop: Shop) -> None:
    order = np.lexsort((shop.events.time, shop.events.shopper))
    item, kind = shop.events.item[order], shop.events.kind[order]
    step = (np.diff(shop.events.shopper[order]) == 0) & (kind[1:] == 0) & (kind[:-1] == 2)
    followed = shop.catalogue.accessories[item[:-1]] == item[1:]
    assert 0.7 < followed[step].mean() < 0.8
    counts = np.sort(np.bincount(item, minlength=120))[::-1]
    assert counts[:12].sum() > 0.25 * counts.sum()


def test_the_chain_leads_to_the_next_price_and_to_the_next_category() -> None:
    goods = catalogue(items=240, categories=20, rng=np.random.default_rng(1))
    cheaper, dearer, same_brand = goods.alternatives
    np.testing.assert_array_equal(cheaper[dearer], np.arange(240))
    np.testing.assert_array_equal(goods.categories[dearer], goods.categories)
    np.testing.assert_array_equal(goods.brands[same_brand], goods.brands)
    np.testing.assert_array_equal(goods.categories[goods.accessories], (goods.categories + 1) % 20)
    tents = np.flatnonzero(goods.categories == 0)
    ranked = tents[np.argsort(goods.prices[tents])]
    np.testing.assert_array_equal(dearer[ranked], np.roll(ranked, -1))


def test_titles_are_told_apart() -> None:
    goods = catalogue(items=600, categories=20, rng=np.random.default_rng(1))
    assert goods.titles[0] == "Norrland light tent"
    assert len(set(goods.titles)) == 600


def test_a_shop_of_one_item_and_one_shopper_is_a_shop() -> None:
    tiny = generate(ShopParams(shoppers=1, items=1, categories=1, days=1))
    assert set(tiny.events.item) == {0}


def test_fewer_items_than_categories_are_refused() -> None:
    with pytest.raises(ValueError, match="an item in every category"):
        ShopParams(items=3)
