from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from freshet.errors import SettingsError
from freshet.simulation.clock import DAY
from freshet.simulation.live_shop import LiveShop, Visit
from freshet.simulation.memories import Memory, memories
from freshet.simulation.moments import PURCHASE
from freshet.simulation.params import Drift, ShopParams
from freshet.simulation.shop import Shop, generate

PARAMS = ShopParams(shoppers=300, items=600, days=6, looks=8.0, drifts=(Drift("habit", 5),))


@pytest.fixture(scope="module")
def shop() -> Shop:
    return generate(PARAMS)


@pytest.fixture(scope="module")
def popular(shop: Shop) -> list[str]:
    return [str(shop.catalogue.item_ids[n]) for n in np.argsort(-np.bincount(shop.events.item))[:10]]


def clicks(live: LiveShop, shown: Callable[[Visit], Sequence[str]], visits: int = 3000) -> int:
    return sum(live.answer(visit, shown(visit)).kind != "left" for visit in (live.visit() for _ in range(visits)))


def test_what_they_would_go_to_next_is_clicked_far_more_often_than_what_is_popular(
    shop: Shop, popular: list[str]
) -> None:
    wanted = clicks(LiveShop(shop, 3), lambda visit: [visit.wanted, *popular[:9]])
    assert 0.04 < wanted / 3000 < 0.08
    assert clicks(LiveShop(shop, 3), lambda _: popular) < wanted / 3


def test_it_is_clicked_less_often_at_the_end_of_the_list(shop: Shop) -> None:
    nothing = ["no such item"] * 9
    top = clicks(LiveShop(shop, 3), lambda visit: [visit.wanted, *nothing])
    end = clicks(LiveShop(shop, 3), lambda visit: [*nothing, visit.wanted])
    assert 0.2 < end / top < 0.45  # 0.88 ** 9 = 0.32


def test_the_same_shop_day_and_seed_give_the_same_visits_and_answers(shop: Shop, popular: list[str]) -> None:
    def told() -> list[object]:
        live = LiveShop(shop, 3, seed=7)
        return [(visit, live.answer(visit, popular)) for visit in (live.visit() for _ in range(50))]

    assert told() == told()
    assert LiveShop(shop, 3, seed=8).visit() != LiveShop(shop, 3, seed=7).visit()


def test_who_comes_does_not_depend_on_what_others_were_shown(shop: Shop, popular: list[str]) -> None:
    shown, left = LiveShop(shop, 3), LiveShop(shop, 3)
    for _ in range(20):
        one, other = shown.visit(), left.visit()
        assert one.shopper == other.shopper
        shown.answer(one, [one.wanted])
        left.answer(other, popular)


def test_members_come_as_themselves_and_guests_as_strangers(shop: Shop) -> None:
    live = LiveShop(shop, 3)
    visits = [live.visit() for _ in range(200)]
    members = [visit for visit in visits if visit.user_id]
    assert 120 < len(members) < 190
    assert {visit.user_id for visit in members} <= {f"u{n:05d}" for n in range(300)}
    assert len({visit.session_id for visit in visits}) == 200


def test_events_are_ready_to_be_posted(shop: Shop) -> None:
    live = LiveShop(shop, 3)
    visits = [live.visit() for _ in range(1000)]
    reactions = [live.answer(visit, [visit.wanted]) for visit in visits]
    events = [event for part in (*visits, *reactions) for event in part.events]
    assert len({event["event_id"] for event in events}) == len(events) > 2000
    assert {event["item_id"] for event in events} <= {str(item) for item in shop.catalogue.item_ids}
    assert {event["event_type"] for event in events} == {"view", "cart", "purchase"}
    guest = next(visit for visit in visits if visit.user_id is None)
    assert set(guest.events[0]) == {
        "event_id", "session_id", "item_id", "event_type", "event_time", "price", "title", "category",
    }  # fmt: skip
    assert guest.events[0]["event_time"].startswith("2026-01-08T")


def test_what_is_bought_leaves_a_view_a_cart_and_a_purchase_of_the_clicked_item(shop: Shop) -> None:
    live = LiveShop(shop, 3)
    pairs = [(visit, live.answer(visit, [visit.wanted])) for visit in (live.visit() for _ in range(1000))]
    visit, reaction = next(pair for pair in pairs if pair[1].kind == "bought")
    assert reaction.position == 1
    assert [event["event_type"] for event in reaction.events] == ["view", "cart", "purchase"]
    assert {event["item_id"] for event in reaction.events} == {visit.wanted}
    assert reaction.events[0]["event_time"] > visit.events[-1]["event_time"]
    left = next(reaction for _, reaction in pairs if reaction.kind == "left")
    assert (left.position, left.events) == (None, ())


def test_with_a_clock_events_carry_its_time(shop: Shop) -> None:
    live = LiveShop(shop, 3, clock=lambda: datetime(2026, 5, 1, 12, tzinfo=UTC))
    assert live.visit().events[-1]["event_time"] == "2026-05-01T12:00:00Z"


def test_on_the_day_of_a_drift_they_want_something_else(shop: Shop) -> None:
    steady = generate(replace(PARAMS, drifts=()))
    wanted = [[live.visit().wanted for _ in range(100)] for live in (LiveShop(steady, 5), LiveShop(shop, 5))]
    same = sum(usual == drifted for usual, drifted in zip(*wanted, strict=True))
    assert same < 60
    assert LiveShop(steady, 4).visit() == LiveShop(shop, 4).visit()


def test_an_item_that_is_not_on_sale_is_never_clicked() -> None:
    shop = generate(ShopParams(shoppers=50, items=40, days=4, drifts=(Drift("catalogue", 3),)))
    gone = [str(item) for item in shop.catalogue.item_ids[:40]]
    assert clicks(LiveShop(shop, 4), lambda _: gone, 1000) == 0


def test_an_item_that_is_sold_out_is_never_clicked(shop: Shop) -> None:
    places = np.flatnonzero(shop.rules.sold_out[3])
    gone = [str(item) for item in shop.catalogue.item_ids[shop.catalogue.on_sale[3, places]]]
    assert len(gone) > 5
    assert clicks(LiveShop(shop, 3), lambda _: gone) == 0


def test_a_memory_holds_what_was_bought_and_is_no_longer_needed(shop: Shop) -> None:
    events, goods = shop.events, shop.catalogue
    bought = events.take((events.kind == PURCHASE) & (events.time < (20_458 + 3) * DAY))
    lasting = bought.take(~np.isin(goods.categories[bought.item], [4, 8, 16]))  # fuel, filters and socks are used up
    shopper = int(lasting.shopper[0])
    categories = set(goods.categories[lasting.item[lasting.shopper == shopper]].tolist())
    assert memories(shop, 3)[shopper].owned == sum(1 << category for category in categories)


def test_a_day_that_the_shop_does_not_have_is_refused(shop: Shop) -> None:
    with pytest.raises(SettingsError) as refused:
        LiveShop(shop, 7)
    assert str(refused.value) == "live shop: day 7 of a shop of 6 days; give a day from 0 to 6"


def test_a_memory_holds_the_last_looks_the_latest_first(shop: Shop) -> None:
    before = shop.events.take(shop.events.time < (20_458 + 3) * DAY)  # 2026-01-05 is day 20,458 since 1970
    found = memories(shop, 3)
    shopper = int(np.bincount(before.shopper[before.kind == 0]).argmax())
    looks = before.item[(before.shopper == shopper) & (before.kind == 0)]
    places = [int(place) for place in shop.catalogue.places[looks[::-1][:8]]]
    assert found[shopper].recent == tuple(places)
    assert found[shopper].seen == len(looks)
    assert found[shopper].day == 2
    assert Memory((5, 4), 2, 1).with_look(6, 3, 0b10, 7) == Memory((6, 5, 4), 3, 3, 0b10, 7)
    assert set(found) == set(before.shopper.tolist())
