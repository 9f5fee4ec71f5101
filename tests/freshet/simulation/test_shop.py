from dataclasses import fields, replace
from datetime import date

import numpy as np
import pytest

from freshet.simulation.goods import CATEGORIES, CONSUMABLES
from freshet.simulation.moments import EVENT_NAMES, PURCHASE, RETURN, VIEW, SimulatedEvents
from freshet.simulation.params import ShopParams
from freshet.simulation.projects import PROJECTS
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


def steps(people: SimulatedEvents) -> np.ndarray:
    """Rows of which the next one is another look of the same visit."""
    return np.flatnonzero((np.diff(people.visit) == 0) & (people.kind[1:] == VIEW))


def test_who_put_something_in_the_cart_goes_on_to_what_their_project_needs(people: SimulatedEvents, shop: Shop) -> None:
    step = steps(people)
    step = step[people.kind[step] > VIEW]
    goods, needs = shop.catalogue.categories, shop.rules.projects.usual
    project, category = shop.rules.tastes.project[people.shopper[step]], goods[people.item[step]]
    follows = needs[project, category] == goods[people.item[step + 1]]
    other = needs[(project + 1) % PROJECTS, category] == goods[people.item[step + 1]]
    assert len(step) > 200
    assert 0.5 < follows.mean() < 0.8  # `follow`, and not what they have
    assert other.mean() < 0.25


def test_what_is_needed_depends_on_more_than_the_last_item(people: SimulatedEvents, shop: Shop) -> None:
    """Knowing the category before, too, foresees the next one twice as well: the project shows in the pair."""
    category = shop.catalogue.categories[people.item[people.kind == VIEW]]
    visit = people.visit[people.kind == VIEW]
    turns = np.flatnonzero((np.diff(category) != 0) & (np.diff(visit) == 0))
    pairs = turns[1:][np.diff(turns) <= 2]  # the turn before is near
    before = turns[:-1][np.diff(turns) <= 2]
    one = mode_share(category[pairs], category[pairs + 1])
    two = mode_share(category[pairs] * 20 + category[before], category[pairs + 1])
    assert two > 1.5 * one


def mode_share(known: np.ndarray, following: np.ndarray) -> float:
    """How often the most frequent thing after what is known follows."""
    table = np.zeros((int(known.max()) + 1, int(following.max()) + 1))
    np.add.at(table, (known, following), 1)
    return float(table.max(axis=1).sum() / table.sum())


def test_shoppers_look_at_their_brand_and_their_price() -> None:
    wide = generate(replace(SMALL, items=600))  # every brand has something at every price
    looks = wide.events.take(~wide.bots[wide.events.shopper])
    goods, tastes = wide.catalogue, wide.rules.tastes
    place = goods.places[looks.item]
    assert (goods.brands[place] == tastes.brand[looks.shopper]).mean() > 0.4  # of six brands
    assert (goods.paths.bands[place] == tastes.budget[looks.shopper]).mean() > 0.5  # of three


def test_what_is_used_up_is_bought_again(shop: Shop) -> None:
    long = generate(replace(SMALL, days=60, looks=30.0))
    events = long.events.take((long.events.kind == PURCHASE) & ~long.guests[long.events.shopper])
    place = long.catalogue.places[events.item]
    staple = long.rules.staples[events.shopper] == place
    names = {CATEGORIES[category][0] for category in long.catalogue.categories[long.rules.staples]}
    assert names == set(CONSUMABLES)
    again = np.unique(events.shopper[staple], return_counts=True)[1]
    assert (again > 1).sum() > 50
    others = np.unique(np.stack([events.shopper, place])[:, ~staple], axis=1, return_counts=True)[1]
    assert (others > 1).mean() < 0.1 < (again > 1).mean()


def test_what_is_sold_out_is_hardly_looked_at_and_its_substitute_is(shop: Shop) -> None:
    looks = shop.events.take((shop.events.kind == VIEW) & ~shop.bots[shop.events.shopper])
    place, day = shop.catalogue.places[looks.item], looks.time // DAY - (SMALL.first_day - date(1970, 1, 1)).days
    gone = shop.rules.sold_out
    assert gone[day, place].mean() < 0.2 * gone[:20].mean()


def test_a_shop_of_one_item_and_one_shopper_is_a_shop() -> None:
    tiny = generate(ShopParams(shoppers=1, items=1, categories=1, days=1, turnover=0.0))
    assert set(tiny.events.item) == {0}
