"""Why an item is shown to somebody, over HTTP: one explanation at a time, beside the thread that answers."""

import asyncio

import msgspec
import numpy as np

from freshet.data.columns import EventType
from freshet.data.history_events import HistoryEvent, to_history
from freshet.inference.explanation import explain
from freshet.serving.clock import MICROS_PER_SECOND, iso
from freshet.serving.gateway import Gateway, new_request_id
from freshet.serving.http.errors import busy_error
from freshet.serving.http.recommendation_schema import RecommendationRequest
from freshet.serving.recommend.active_release import LoadedRelease
from freshet.serving.recommend.responses import PendingRequest, item_index, unknown_item_error


class ContributingEvent(msgspec.Struct, frozen=True):
    """An event of the shopper's. moved: without it the score would be lower by so much; negative: higher."""

    item_id: str
    event_type: EventType
    event_time: str
    title: str
    score_delta: float


class ExplanationResponse(msgspec.Struct, frozen=True):
    """An item's score for a shopper, and the events behind it, the strongest first; none: it is what is popular."""

    request_id: str
    bundle: str
    release: int
    item_id: str
    score: float
    events: list[ContributingEvent]


async def explain_item(gateway: Gateway, request: RecommendationRequest, item_id: str) -> ExplanationResponse:
    """Raises RequestError: 404 for an item nobody knows; 503 while nothing serves or another is being explained."""
    release = gateway.active_state.release
    if release is None:
        raise gateway.active_state.unavailable_error()
    if item_index(release, item_id) == 0:
        raise unknown_item_error(release, item_id)
    if not gateway.explanation_lock.acquire(blocking=False):
        raise busy_error("another explanation is under way")
    try:
        shopper = gateway.shopper(request.user_id, request.session_id)
        pending = PendingRequest(request, shopper, gateway.clock.now())
        return await asyncio.to_thread(_build_explanation, gateway, release, pending, item_id)
    finally:
        gateway.explanation_lock.release()


def _build_explanation(
    gateway: Gateway, release: LoadedRelease, pending: PendingRequest, item_id: str
) -> ExplanationResponse:
    events = gateway.events_of(release, pending)
    vocabulary = release.bundle.vocabulary
    (explanation,) = explain(release.ranker, to_history(events, vocabulary), np.array([item_index(release, item_id)]))
    titles = {event.item_id: "" for event in events}
    titles |= {event_item_id: str(vocabulary.titles[item_index(release, event_item_id)]) for event_item_id in titles}
    contributing_events = [
        _contributing_event(events[influence.event_row], titles, influence.score_delta)
        for influence in explanation.contributions[: pending.request.k]
    ]
    return ExplanationResponse(
        new_request_id(), release.bundle.id, release.number, item_id, explanation.score, contributing_events
    )


def _contributing_event(event: HistoryEvent, titles: dict[str, str], score_delta: float) -> ContributingEvent:
    item, event_type, seconds, _ = event
    return ContributingEvent(item, event_type, iso(seconds * MICROS_PER_SECOND), titles[item], score_delta)  # type: ignore[arg-type]
