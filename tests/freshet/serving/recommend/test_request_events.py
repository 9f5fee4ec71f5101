"""The items of a request as events with times."""

from freshet.serving.events.event_store import ItemMetadata
from freshet.serving.recommend.request_events import request_events
from freshet.serving.schemas.recommendation_schema import RecommendationRequest, parse_body
from tests.tiny_gateway import NOON_S

NOW = NOON_S * 1_000_000
DAY = NOON_S // 86_400


def test_items_without_times_are_a_minute_apart_and_the_last_is_now():
    assert request_events(RecommendationRequest(items=["a", "b", "c"]), NOW, "purchase") == [
        (("a", "purchase", NOON_S - 120, DAY), ItemMetadata("", "", None)),
        (("b", "purchase", NOON_S - 60, DAY), ItemMetadata("", "", None)),
        (("c", "purchase", NOON_S, DAY), ItemMetadata("", "", None)),
    ]


def test_events_with_times_are_sorted():
    body = b'{"events":[{"item_id":"b","event_time":"2026-01-05T11:00:00Z","title":"B","price":2},'
    body += b'{"item_id":"a","event_type":"cart","event_time":"2026-01-05T10:00:00Z"}]}'
    assert request_events(parse_body(body), NOW, "view") == [
        (("a", "cart", NOON_S - 7200, DAY), ItemMetadata("", "", None)),
        (("b", "view", NOON_S - 3600, DAY), ItemMetadata("B", "", 2.0)),
    ]
