"""The response to an explanation request."""

import msgspec

from freshet.data.columns import EventType


class ContributingEvent(msgspec.Struct, frozen=True):
    """An event of the shopper's history. score_delta: the item's score with this event minus the score without it."""

    item_id: str
    event_type: EventType
    event_time: str
    title: str
    score_delta: float


class ExplanationResponse(msgspec.Struct, frozen=True):
    """An item's score for a shopper, and the events that change it most; empty if the item is ranked by popularity."""

    request_id: str
    bundle: str
    release: int
    item_id: str
    score: float
    events: list[ContributingEvent]
