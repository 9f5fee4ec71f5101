"""The events that are sent with a recommendation request, as history events."""

from typing import Final

from freshet.data.columns import EventType
from freshet.data.history_events import HistoryEvent
from freshet.serving.clock import MICROS_PER_SECOND, day_of, to_micros
from freshet.serving.events.event_store import ItemMetadata
from freshet.serving.schemas.recommendation_schema import RecommendationRequest, RequestEvent

ITEM_SPACING_S: Final = 60  # seconds between events without a time

EventWithMetadata = tuple[HistoryEvent, ItemMetadata]


def request_events(request: RecommendationRequest, now: int, default_type: EventType) -> list[EventWithMetadata]:
    """Return the request's items and events, oldest first. now: microseconds. default_type: for events without a type.

    Events without a time are a minute apart, the last one at `now`.
    """
    events = [*(RequestEvent(item) for item in request.items), *request.events]
    offsets = [ITEM_SPACING_S * (len(events) - 1 - index) for index in range(len(events))]
    times = [_event_seconds(event, now, offset) for event, offset in zip(events, offsets, strict=True)]
    pairs = [
        _with_metadata(event, default_type, seconds, day_of(now)) for event, seconds in zip(events, times, strict=True)
    ]
    return sorted(pairs, key=lambda pair: pair[0].time)


def _event_seconds(event: RequestEvent, now: int, offset_s: int) -> int:
    if event.event_time is None:
        return now // MICROS_PER_SECOND - offset_s
    return to_micros(event.event_time) // MICROS_PER_SECOND


def _with_metadata(request_event: RequestEvent, default_type: EventType, seconds: int, day: int) -> EventWithMetadata:
    event = HistoryEvent(request_event.item_id, request_event.event_type or default_type, seconds, day)
    return event, ItemMetadata(request_event.title or "", request_event.category or "", request_event.price)
