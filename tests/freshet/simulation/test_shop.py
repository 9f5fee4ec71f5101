"""Properties of the generated events of a simulated shop."""

from dataclasses import fields, replace

import numpy as np
import pytest

from freshet.data.day_numbers import day_number
from freshet.simulation.events import EVENT_NAMES, PURCHASE, RETURN, VIEW, SimulatedEvents
from freshet.simulation.params import ShopParams
from freshet.simulation.product_titles import CATEGORIES, CONSUMABLES
from freshet.simulation.projects import N_PROJECTS
from freshet.simulation.shop import Shop, generate

SMALL_PARAMS = ShopParams(shoppers=300, items=120, days=20)
DAY = 86_400


@pytest.fixture(scope="module")
def shop() -> Shop:
    return generate(SMALL_PARAMS)


@pytest.fixture(scope="module")
def human_events(shop: Shop) -> SimulatedEvents:
    """What people did, by shopper and time; without bots, and without what came back."""
    events = shop.events.take(~shop.is_bot[shop.events.shopper] & (shop.events.event_type != RETURN))
    return events.take(np.lexsort((events.time, events.shopper)))


def test_the_same_seed_gives_the_same_shop(shop: Shop) -> None:
    rerun = generate(SMALL_PARAMS)
    for part in fields(shop.events):
        np.testing.assert_array_equal(getattr(rerun.events, part.name), getattr(shop.events, part.name))
    np.testing.assert_array_equal(rerun.catalogue.titles, shop.catalogue.titles)


def test_another_seed_gives_another_shop(shop: Shop) -> None:
    other = generate(replace(SMALL_PARAMS, seed=2))
    assert not np.array_equal(other.events.item[:100], shop.events.item[:100])


def test_every_event_lies_in_the_days_of_the_shop_and_in_order(shop: Shop) -> None:
    first = day_number(SMALL_PARAMS.first_day)
    np.testing.assert_array_equal(np.unique(shop.events.time // DAY), np.arange(first, first + 20))
    assert (np.diff(shop.events.time) >= 0).all()


def test_a_shopper_does_one_thing_at_a_time(human_events: SimulatedEvents) -> None:
    same_shopper = np.diff(human_events.shopper) == 0
    assert np.diff(human_events.time)[same_shopper].min() >= 4


def test_purchased_items_were_viewed_and_put_into_the_cart_just_before(human_events: SimulatedEvents) -> None:
    bought = np.flatnonzero(EVENT_NAMES[human_events.event_type] == "purchase")
    assert len(bought) > 100
    assert set(EVENT_NAMES[human_events.event_type[bought - 1]]) == {"cart"}
    assert set(EVENT_NAMES[human_events.event_type[bought - 2]]) == {"view"}
    np.testing.assert_array_equal(human_events.item[bought - 2], human_events.item[bought])


def test_returned_items_were_bought_by_the_same_member_days_before(shop: Shop) -> None:
    events = generate(replace(SMALL_PARAMS, return_share=0.5)).events
    returns = np.flatnonzero(events.event_type == RETURN)
    assert len(returns) > 20
    bought = np.flatnonzero(EVENT_NAMES[events.event_type] == "purchase")
    when = {(int(events.shopper[n]), int(events.item[n])): int(events.time[n]) for n in bought[::-1]}
    for n in returns:
        assert events.time[n] - when[int(events.shopper[n]), int(events.item[n])] >= 3 * DAY
    assert events.logged_in[returns].all()


def test_a_session_belongs_to_one_shopper_and_guests_come_once(shop: Shop) -> None:
    pairs = np.unique(np.stack([shop.events.session, shop.events.shopper]), axis=1)
    assert len(np.unique(pairs[0])) == pairs.shape[1]
    guests = pairs[1][shop.is_guest[pairs[1]]]
    assert len(guests) == len(np.unique(guests)) > 50


def test_bots_look_at_many_items_seconds_apart_and_never_buy(shop: Shop) -> None:
    swarm = generate(replace(SMALL_PARAMS, bot_share=0.05))
    events = swarm.events.take(swarm.is_bot[swarm.events.shopper])
    assert set(events.event_type) == {VIEW}
    assert np.bincount(events.shopper)[np.unique(events.shopper)].min() >= 60
    order = np.lexsort((events.time, events.shopper))
    assert np.diff(events.time[order])[np.diff(events.shopper[order]) == 0].max() <= 3
    assert not events.logged_in.any()


def test_some_members_log_in_half_way_through_a_session_and_stay_logged_in(shop: Shop) -> None:
    events = shop.events.take(~shop.is_guest[shop.events.shopper])
    order = np.lexsort((events.time, events.session))
    is_logged_in, same_session = events.logged_in[order].astype(int), np.diff(events.session[order]) == 0
    turns = np.diff(is_logged_in)[same_session]
    assert (turns == 1).sum() > 20
    assert (turns == -1).sum() == 0
    assert not shop.events.logged_in[shop.is_guest[shop.events.shopper]].any()


def test_items_have_events_only_on_days_on_sale(shop: Shop) -> None:
    catalogue, events = shop.catalogue, shop.events.take(shop.events.event_type == VIEW)
    _, first = np.unique(events.session, return_index=True)
    day = events.time[first] // DAY - day_number(SMALL_PARAMS.first_day)
    assert (catalogue.first_days[events.item[first]] <= day).all()
    assert (catalogue.last_days[events.item[first]] >= day - 1).all()  # a session may go on past midnight


def session_steps(people: SimulatedEvents) -> np.ndarray:
    """Rows whose next row is another view of the same session."""
    return np.flatnonzero((np.diff(people.session) == 0) & (people.event_type[1:] == VIEW))


def test_after_a_cart_shoppers_view_what_their_project_needs(human_events: SimulatedEvents, shop: Shop) -> None:
    step = session_steps(human_events)
    step = step[human_events.event_type[step] > VIEW]
    item_categories, needs = shop.catalogue.categories, shop.choice_model.projects.base_next
    project, category = (
        shop.choice_model.preferences.project[human_events.shopper[step]],
        item_categories[human_events.item[step]],
    )
    follows = needs[project, category] == item_categories[human_events.item[step + 1]]
    needs_other = needs[(project + 1) % N_PROJECTS, category] == item_categories[human_events.item[step + 1]]
    assert len(step) > 200
    assert 0.5 < follows.mean() < 0.8  # `follow`, and not what they have
    assert needs_other.mean() < 0.25


def test_the_needed_category_depends_on_more_than_the_last_item(human_events: SimulatedEvents, shop: Shop) -> None:
    """Knowing the category before, too, foresees the next one twice as well: the project shows in the pair."""
    category = shop.catalogue.categories[human_events.item[human_events.event_type == VIEW]]
    session = human_events.session[human_events.event_type == VIEW]
    turns = np.flatnonzero((np.diff(category) != 0) & (np.diff(session) == 0))
    pairs = turns[1:][np.diff(turns) <= 2]  # the turn before is near
    previous = turns[:-1][np.diff(turns) <= 2]
    one_item_share = modal_next_share(category[pairs], category[pairs + 1])
    two_item_share = modal_next_share(category[pairs] * 20 + category[previous], category[pairs + 1])
    assert two_item_share > 1.5 * one_item_share


def modal_next_share(contexts: np.ndarray, next_values: np.ndarray) -> float:
    """How often the most frequent thing after what is known follows."""
    table = np.zeros((int(contexts.max()) + 1, int(next_values.max()) + 1))
    np.add.at(table, (contexts, next_values), 1)
    return float(table.max(axis=1).sum() / table.sum())


def test_shoppers_view_their_brand_and_their_price_band() -> None:
    wide = generate(replace(SMALL_PARAMS, items=600))  # every brand has something at every price
    views = wide.events.take(~wide.is_bot[wide.events.shopper])
    catalogue, tastes = wide.catalogue, wide.choice_model.preferences
    item_slots = catalogue.slots[views.item]
    assert (catalogue.brands[item_slots] == tastes.brand[views.shopper]).mean() > 0.4  # of six brands
    assert (catalogue.item_graph.price_bands[item_slots] == tastes.price_band[views.shopper]).mean() > 0.5  # of three


def test_consumables_are_bought_again(shop: Shop) -> None:
    long = generate(replace(SMALL_PARAMS, days=60, views_per_shopper=30.0))
    events = long.events.take((long.events.event_type == PURCHASE) & ~long.is_guest[long.events.shopper])
    item_slots = long.catalogue.slots[events.item]
    staple = long.choice_model.staples[events.shopper] == item_slots
    names = {CATEGORIES[category][0] for category in long.catalogue.categories[long.choice_model.staples]}
    assert names == set(CONSUMABLES)
    repeat_counts = np.unique(events.shopper[staple], return_counts=True)[1]
    assert (repeat_counts > 1).sum() > 50
    others = np.unique(np.stack([events.shopper, item_slots])[:, ~staple], axis=1, return_counts=True)[1]
    assert (others > 1).mean() < 0.1 < (repeat_counts > 1).mean()


def test_sold_out_items_are_hardly_viewed_and_their_substitutes_are(shop: Shop) -> None:
    views = shop.events.take((shop.events.event_type == VIEW) & ~shop.is_bot[shop.events.shopper])
    item_slots, day = (
        shop.catalogue.slots[views.item],
        views.time // DAY - day_number(SMALL_PARAMS.first_day),
    )
    sold_out = shop.choice_model.sold_out
    assert sold_out[day, item_slots].mean() < 0.2 * sold_out[:20].mean()


def test_a_shop_of_one_item_and_one_shopper_is_a_shop() -> None:
    tiny = generate(ShopParams(shoppers=1, items=1, categories=1, days=1, catalogue_churn=0.0))
    assert set(tiny.events.item) == {0}
