from dataclasses import fields, replace
from datetime import date

import numpy as np
import pytest

from freshet.simulation.moments import EVENT_NAMES, RETURN, VIEW, SimulatedEvents
from freshet.simulation.params import ShopParams
from freshet.simulation.shop import Shop, generate

SMALL = ShopParams(shoppers=300, items=120, days=20)
DAY = 86_400


@pytest.fixture(scope="module")
def shop() -> Shop:
    return generate(SMALL)


@pytest.fixture(scope="module")
def people(shop: Shop) -> SimulatedEvents:
    """What people did, by shopper and time; without bots, and without what came back."""
    events = shop.events.take(~shop.bots[shop.events.shopper] & (shop.events.kind != RETURN))
    return events.take(np.lexsort((events.time, events.shopper)))


def test_the_same_seed_gives_the_same_shop(shop: Shop) -> None:
    again = generate(SMALL)
    for part in fields(shop.events):
        np.testing.assert_array_equal(getattr(again.events, part.name), getattr(shop.events, part.name))
    np.testing.assert_array_equal(again.catalogue.titles, shop.catalogue.titles)


def test_another_seed_gives_another_shop(shop: Shop) -> None:
    other = generate(replace(SMALL, seed=2))
    assert not np.array_equal(other.events.item[:100], shop.events.item[:100])


def test_every_event_lies_in_the_days_of_the_shop_and_in_order(shop: Shop) -> None:
    first = (SMALL.first_day - date(1970, 1, 1)).days
    np.testing.assert_array_equal(np.unique(shop.events.time // DAY), np.arange(first, first + 20))
    assert (np.diff(shop.events.time) >= 0).all()


def test_a_shopper_does_one_thing_at_a_time(people: SimulatedEvents) -> None:
    same = np.diff(people.shopper) == 0
    assert np.diff(people.time)[same].min() >= 4


def test_what_is_bought_was_in_the_cart_and_looked_at_just_before(people: SimulatedEvents) -> None:
    bought = np.flatnonzero(EVENT_NAMES[people.kind] == "purchase")
    assert len(bought) > 100
    assert set(EVENT_NAMES[people.kind[bought - 1]]) == {"cart"}
    assert set(EVENT_NAMES[people.kind[bought - 2]]) == {"view"}
    np.testing.assert_array_equal(people.item[bought - 2], people.item[bought])


def test_what_comes_back_was_bought_by_the_same_member_days_before(shop: Shop) -> None:
    events = generate(replace(SMALL, return_share=0.5)).events
    back = np.flatnonzero(events.kind == RETURN)
    assert len(back) > 20
    bought = np.flatnonzero(EVENT_NAMES[events.kind] == "purchase")
    when = {(int(events.shopper[n]), int(events.item[n])): int(events.time[n]) for n in bought[::-1]}
    for n in back:
        assert events.time[n] - when[int(events.shopper[n]), int(events.item[n])] >= 3 * DAY
    assert events.known[back].all()


def test_a_visit_belongs_to_one_shopper_and_guests_come_once(shop: Shop) -> None:
    pairs = np.unique(np.stack([shop.events.visit, shop.events.shopper]), axis=1)
    assert len(np.unique(pairs[0])) == pairs.shape[1]
    guests = pairs[1][shop.guests[pairs[1]]]
    assert len(guests) == len(np.unique(guests)) > 50


def test_bots_look_at_many_items_seconds_apart_and_never_buy(shop: Shop) -> None:
    swarm = generate(replace(SMALL, bot_share=0.05))
    events = swarm.events.take(swarm.bots[swarm.events.shopper])
    assert set(events.kind) == {VIEW}
    assert np.bincount(events.shopper)[np.unique(events.shopper)].min() >= 60
    order = np.lexsort((events.time, events.shopper))
    assert np.diff(events.time[order])[np.diff(events.shopper[order]) == 0].max() <= 3
    assert not events.known.any()


def test_some_members_log_in_half_way_through_a_visit_and_stay_logged_in(shop: Shop) -> None:
    events = shop.events.take(~shop.guests[shop.events.shopper])
    order = np.lexsort((events.time, events.visit))
    known, same = events.known[order].astype(int), np.diff(events.visit[order]) == 0
    turns = np.diff(known)[same]
    assert (turns == 1).sum() > 20
    assert (turns == -1).sum() == 0
    assert not shop.events.known[shop.guests[shop.events.shopper]].any()


def test_an_item_is_met_only_on_days_on_which_it_is_on_sale(shop: Shop) -> None:
    goods, events = shop.catalogue, shop.events.take(shop.events.kind == VIEW)
    _, first = np.unique(events.visit, return_index=True)
    day = events.time[first] // DAY - (SMALL.first_day - date(1970, 1, 1)).days
    assert (goods.first_days[events.item[first]] <= day).all()
    assert (goods.last_days[events.item[first]] >= day - 1).all()  # a visit may go on past midnight


def test_who_put_something_in_the_cart_goes_on_to_the_accessory(people: SimulatedEvents, shop: Shop) -> None:
    step = np.flatnonzero((np.diff(people.visit) == 0) & (people.kind[1:] == VIEW) & (people.kind[:-1] > VIEW))
    follows = shop.catalogue.accessories[people.item[step]] == people.item[step + 1]
    assert len(step) > 200
    assert 0.6 < follows.mean() < 0.8  # `follow`, and a few whom turnover sends to a later mark


def test_who_only_looked_goes_on_as_their_style_says(people: SimulatedEvents, shop: Shop) -> None:
    step = np.flatnonzero((np.diff(people.visit) == 0) & (people.kind[1:] == VIEW) & (people.kind[:-1] == VIEW))
    style = shop.rules.tastes.style[people.shopper[step]]
    follows = shop.catalogue.alternatives[style, people.item[step]] == people.item[step + 1]
    other = shop.catalogue.alternatives[(style + 1) % 3, people.item[step]] == people.item[step + 1]
    assert 0.65 < follows.mean() < 0.85
    assert other.mean() < 0.4


def test_a_shop_of_one_item_and_one_shopper_is_a_shop() -> None:
    tiny = generate(ShopParams(shoppers=1, items=1, categories=1, days=1, turnover=0.0))
    assert set(tiny.events.item) == {0}
