"""Shoppers of the demo: one audience reacts to two lists, and a real gateway answers concurrent requests in order."""

import httpx
import pytest

from freshet.errors import FreshetError
from freshet.simulation.live_shop import LiveShop
from freshet.simulation.params import ShopParams
from freshet.simulation.shop import Shop, generate
from pipelines.demo.gateway import GatewayProcess
from pipelines.demo.shoppers import Audience, ClickThrough, draw_audience
from tests import tiny_gateway

N_SESSIONS = 1500


@pytest.fixture(scope="module")
def shop() -> Shop:
    return generate(ShopParams(shoppers=200, items=100, days=4))


def click_through(audience: Audience, lists: list[list[str]]) -> ClickThrough:
    pairs = zip(audience.sessions, lists, strict=True)
    return ClickThrough(audience, tuple(audience.shop.react_to_list(session, items) for session, items in pairs))


def test_reactions_of_one_audience_differ_only_by_the_lists(shop: Shop):
    audience = draw_audience(LiveShop(shop, 3), N_SESSIONS)
    good_clicks = click_through(audience, [[session.intended_item] for session in audience.sessions])
    second = click_through(audience, [[session.intended_item] for session in audience.sessions])
    bad_clicks = click_through(audience, [["no such item"]] * N_SESSIONS)
    assert good_clicks.difference_to(second).mean == good_clicks.difference_to(second).half_width == 0
    assert good_clicks.difference_to(bad_clicks).is_clear
    assert 0.03 < good_clicks.difference_to(bad_clicks).mean < 0.09
    assert good_clicks.difference_to(bad_clicks).mean == good_clicks.rate.mean


def test_paired_visits_are_more_certain_than_those_of_other_shoppers(shop: Shop):
    audience, others = (draw_audience(LiveShop(shop, 3, seed), N_SESSIONS) for seed in (1, 2))
    lists = [["no such item", session.intended_item] for session in audience.sessions]
    better_lists = [[session.intended_item, "no such item"] for session in audience.sessions]
    before = click_through(audience, lists)
    paired_difference = click_through(audience, better_lists).difference_to(before)
    unpaired_difference = click_through(others, [[session.intended_item] for session in others.sessions]).difference_to(
        before
    )
    assert paired_difference.half_width < 0.6 * unpaired_difference.half_width


def test_a_request_has_the_shoppers_events_of_the_day_only(shop: Shop):
    audience = draw_audience(LiveShop(shop, 3), N_SESSIONS)
    for session, request, events in zip(audience.sessions, audience.requests, audience.events, strict=True):
        assert events[-len(session.events) :] == session.events
        assert len(request["events"]) == len(events)
        shopper_field = ("user_id", session.user_id) if session.user_id else ("session_id", session.session_id)
        assert {event.get(shopper_field[0]) for event in events} == {shopper_field[1]}


def test_concurrent_requests_get_their_responses_in_order(tmp_path):
    tiny_gateway.release_tiny_bundle(str(tmp_path / "lake"), tmp_path / "bundle")
    with tiny_gateway.gateway_process(tmp_path) as (process, url):
        gateway = GatewayProcess(url, process, httpx.Client(base_url=url), tmp_path / "log")
        gateway.wait_for_release(1)
        single_result = [gateway.recommend(items=item, k=2)["items"] for item in "abc"]
        requests = [{"items": [item], "k": 2} for item in "abc" * 7]
        assert (
            gateway.recommend_item_lists(requests)
            == [[item["item_id"] for item in items] for items in single_result] * 7
        )
        with pytest.raises(FreshetError, match="answered 422"):
            gateway.recommend_item_lists([{"nothing": "known"}])
        gateway.client.close()
