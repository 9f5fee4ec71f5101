"""Shoppers of the demo: the same visitors are shown two lists, and a real gateway answers many questions in order."""

import httpx
import pytest

from freshet.errors import FreshetError
from freshet.simulation.live_shop import LiveShop
from freshet.simulation.params import ShopParams
from freshet.simulation.shop import Shop, generate
from pipelines.demo.gateway import Gateway
from pipelines.demo.shoppers import Audience, ClickThrough, audience
from tests import tiny_gateway

VISITS = 1500


@pytest.fixture(scope="module")
def shop() -> Shop:
    return generate(ShopParams(shoppers=200, items=100, days=4))


def shown(visitors: Audience, lists: list[list[str]]) -> ClickThrough:
    pairs = zip(visitors.visits, lists, strict=True)
    return ClickThrough(visitors, tuple(visitors.shop.answer(visit, items) for visit, items in pairs))


def test_the_same_visitors_shown_two_lists_differ_by_the_lists_only(shop: Shop):
    visitors = audience(LiveShop(shop, 3), VISITS)
    good = shown(visitors, [[visit.wanted] for visit in visitors.visits])
    again = shown(visitors, [[visit.wanted] for visit in visitors.visits])
    bad = shown(visitors, [["no such item"]] * VISITS)
    assert good.against(again).mean == good.against(again).half_width == 0
    assert good.against(bad).is_clear
    assert 0.03 < good.against(bad).mean < 0.09
    assert good.against(bad).mean == good.share.mean


def test_paired_visits_are_more_certain_than_those_of_other_shoppers(shop: Shop):
    visitors, others = (audience(LiveShop(shop, 3, seed), VISITS) for seed in (1, 2))
    lists = [["no such item", visit.wanted] for visit in visitors.visits]
    better = [[visit.wanted, "no such item"] for visit in visitors.visits]
    before = shown(visitors, lists)
    paired = shown(visitors, better).against(before)
    unpaired = shown(others, [[visit.wanted] for visit in others.visits]).against(before)
    assert paired.half_width < 0.6 * unpaired.half_width


def test_a_question_brings_what_its_shopper_did_on_this_day_and_nothing_of_others(shop: Shop):
    visitors = audience(LiveShop(shop, 3), VISITS)
    for visit, question, events in zip(visitors.visits, visitors.questions, visitors.events, strict=True):
        assert events[-len(visit.events) :] == visit.events
        assert len(question["events"]) == len(events)
        who = ("user_id", visit.user_id) if visit.user_id else ("session_id", visit.session_id)
        assert {event.get(who[0]) for event in events} == {who[1]}


def test_many_questions_are_answered_each_in_its_place(tmp_path):
    tiny_gateway.release(str(tmp_path / "lake"), tmp_path / "bundle")
    with tiny_gateway.process(tmp_path) as (process, url):
        gateway = Gateway(url, process, httpx.Client(base_url=url), tmp_path / "log")
        gateway.wait_for(1)
        alone = [gateway.recommended(items=item, k=2)["items"] for item in "abc"]
        asked = [{"items": [item], "k": 2} for item in "abc" * 7]
        assert gateway.lists(asked) == [[item["item_id"] for item in items] for items in alone] * 7
        with pytest.raises(FreshetError, match="answered 422"):
            gateway.lists([{"nothing": "known"}])
        gateway.client.close()
