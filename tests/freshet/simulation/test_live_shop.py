"""The live shop: sessions of members and guests, and clicks on recommendation lists."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from freshet.errors import SettingsError
from freshet.simulation.events import PURCHASE
from freshet.simulation.live_shop import LiveSession, LiveShop
from freshet.simulation.params import Drift, ShopParams
from freshet.simulation.seasonality import DAY_SECONDS
from freshet.simulation.shop import Shop, generate
from freshet.simulation.shopper_state import ShopperState, shopper_states

PARAMS = ShopParams(shoppers=300, items=600, days=6, views_per_shopper=8.0, drifts=(Drift("habit", 5),))


@pytest.fixture(scope="module")
def shop() -> Shop:
    return generate(PARAMS)


@pytest.fixture(scope="module")
def popular_items(shop: Shop) -> list[str]:
    return [str(shop.catalogue.item_ids[n]) for n in np.argsort(-np.bincount(shop.events.item))[:10]]


def count_clicks(live: LiveShop, ranked_items: Callable[[LiveSession], Sequence[str]], sessions: int = 3000) -> int:
    return sum(
        live.react_to_list(session, ranked_items(session)).kind != "left"
        for session in (live.start_session() for _ in range(sessions))
    )


def test_intended_items_are_clicked_far_more_often_than_popular_items(shop: Shop, popular_items: list[str]) -> None:
    target_clicks = count_clicks(LiveShop(shop, 3), lambda session: [session.intended_item, *popular_items[:9]])
    assert 0.04 < target_clicks / 3000 < 0.08
    assert count_clicks(LiveShop(shop, 3), lambda _: popular_items) < target_clicks / 3


def test_it_is_clicked_less_often_at_the_end_of_the_list(shop: Shop) -> None:
    fillers = ["no such item"] * 9
    top = count_clicks(LiveShop(shop, 3), lambda session: [session.intended_item, *fillers])
    end = count_clicks(LiveShop(shop, 3), lambda session: [*fillers, session.intended_item])
    assert 0.2 < end / top < 0.45  # 0.88 ** 9 = 0.32


def test_the_same_shop_day_and_seed_give_the_same_sessions_and_answers(shop: Shop, popular_items: list[str]) -> None:
    def session_log() -> list[object]:
        live = LiveShop(shop, 3, seed=7)
        return [
            (session, live.react_to_list(session, popular_items))
            for session in (live.start_session() for _ in range(50))
        ]

    assert session_log() == session_log()
    assert LiveShop(shop, 3, seed=8).start_session() != LiveShop(shop, 3, seed=7).start_session()


def test_who_comes_does_not_depend_on_what_others_were_shown(shop: Shop, popular_items: list[str]) -> None:
    shop_with_lists, ignored_shop = LiveShop(shop, 3), LiveShop(shop, 3)
    for _ in range(20):
        shown_session, ignored_session = shop_with_lists.start_session(), ignored_shop.start_session()
        assert shown_session.shopper == ignored_session.shopper
        shop_with_lists.react_to_list(shown_session, [shown_session.intended_item])
        ignored_shop.react_to_list(ignored_session, popular_items)


def test_members_come_as_themselves_and_guests_as_strangers(shop: Shop) -> None:
    live = LiveShop(shop, 3)
    sessions = [live.start_session() for _ in range(200)]
    members = [session for session in sessions if session.user_id]
    assert 120 < len(members) < 190
    assert {session.user_id for session in members} <= {f"u{n:05d}" for n in range(300)}
    assert len({session.session_id for session in sessions}) == 200


def test_events_are_ready_to_be_posted(shop: Shop) -> None:
    live = LiveShop(shop, 3)
    sessions = [live.start_session() for _ in range(1000)]
    reactions = [live.react_to_list(session, [session.intended_item]) for session in sessions]
    events = [event for part in (*sessions, *reactions) for event in part.events]
    assert len({event["event_id"] for event in events}) == len(events) > 2000
    assert {event["item_id"] for event in events} <= {str(item) for item in shop.catalogue.item_ids}
    assert {event["event_type"] for event in events} == {"view", "cart", "purchase"}
    guest = next(session for session in sessions if session.user_id is None)
    assert set(guest.events[0]) == {
        "event_id", "session_id", "item_id", "event_type", "event_time", "price", "title", "category",
    }  # fmt: skip
    assert guest.events[0]["event_time"].startswith("2026-01-08T")


def test_a_purchase_has_a_view_a_cart_and_a_purchase_of_the_clicked_item(shop: Shop) -> None:
    live = LiveShop(shop, 3)
    pairs = [
        (session, live.react_to_list(session, [session.intended_item]))
        for session in (live.start_session() for _ in range(1000))
    ]
    session, reaction = next(pair for pair in pairs if pair[1].kind == "bought")
    assert reaction.position == 1
    assert [event["event_type"] for event in reaction.events] == ["view", "cart", "purchase"]
    assert {event["item_id"] for event in reaction.events} == {session.intended_item}
    assert reaction.events[0]["event_time"] > session.events[-1]["event_time"]
    left = next(reaction for _, reaction in pairs if reaction.kind == "left")
    assert (left.position, left.events) == (None, ())


def test_with_a_clock_events_carry_its_time(shop: Shop) -> None:
    live = LiveShop(shop, 3, clock=lambda: datetime(2026, 5, 1, 12, tzinfo=UTC))
    assert live.start_session().events[-1]["event_time"] == "2026-05-01T12:00:00Z"


def test_on_the_day_of_a_drift_they_want_something_else(shop: Shop) -> None:
    steady = generate(replace(PARAMS, drifts=()))
    target_items = [
        [live.start_session().intended_item for _ in range(100)] for live in (LiveShop(steady, 5), LiveShop(shop, 5))
    ]
    n_same = sum(steady_item == drifted_item for steady_item, drifted_item in zip(*target_items, strict=True))
    assert n_same < 60
    assert LiveShop(steady, 4).start_session() == LiveShop(shop, 4).start_session()


def test_an_item_that_is_not_on_sale_is_never_clicked() -> None:
    shop = generate(ShopParams(shoppers=50, items=40, days=4, drifts=(Drift("catalogue", 3),)))
    unavailable_items = [str(item) for item in shop.catalogue.item_ids[:40]]
    assert count_clicks(LiveShop(shop, 4), lambda _: unavailable_items, 1000) == 0


def test_an_item_that_is_sold_out_is_never_clicked(shop: Shop) -> None:
    slots = np.flatnonzero(shop.choice_model.sold_out[3])
    unavailable_items = [str(item) for item in shop.catalogue.item_ids[shop.catalogue.on_sale[3, slots]]]
    assert len(unavailable_items) > 5
    assert count_clicks(LiveShop(shop, 3), lambda _: unavailable_items) == 0


def test_a_state_holds_the_owned_categories(shop: Shop) -> None:
    events, catalogue = shop.events, shop.catalogue
    bought = events.take((events.event_type == PURCHASE) & (events.time < (20_458 + 3) * DAY_SECONDS))
    lasting = bought.take(
        ~np.isin(catalogue.categories[bought.item], [4, 8, 16])
    )  # fuel, filters and socks are used up
    shopper = int(lasting.shopper[0])
    categories = set(catalogue.categories[lasting.item[lasting.shopper == shopper]].tolist())
    assert shopper_states(shop, 3)[shopper].owned_categories == sum(1 << category for category in categories)


def test_a_day_that_the_shop_does_not_have_is_refused(shop: Shop) -> None:
    with pytest.raises(SettingsError) as exc_info:
        LiveShop(shop, 7)
    assert str(exc_info.value) == "live shop: day 7 of a shop of 6 days; give a day from 0 to 6"


def test_a_state_holds_the_last_views_latest_first(shop: Shop) -> None:
    before = shop.events.take(shop.events.time < (20_458 + 3) * DAY_SECONDS)  # 2026-01-05 is day 20,458 since 1970
    user_states = shopper_states(shop, 3)
    shopper = int(np.bincount(before.shopper[before.event_type == 0]).argmax())
    views = before.item[(before.shopper == shopper) & (before.event_type == 0)]
    slots = [int(item_slots) for item_slots in shop.catalogue.slots[views[::-1][:8]]]
    assert user_states[shopper].recent_slots == tuple(slots)
    assert user_states[shopper].n_views == len(views)
    assert user_states[shopper].last_day == 2
    assert ShopperState((5, 4), 2, 1).with_view(6, 3, 0b10, 7) == ShopperState((6, 5, 4), 3, 3, 0b10, 7)
    assert set(user_states) == set(before.shopper.tolist())
