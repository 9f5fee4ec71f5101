"""Handle an explanation request: one at a time, in a thread of its own."""

import asyncio

import numpy as np

from freshet.data.history_events import HistoryEvent, to_history
from freshet.inference.explanation import explain
from freshet.serving.clock import MICROS_PER_SECOND, iso
from freshet.serving.errors import busy_error
from freshet.serving.gateway import Gateway, new_request_id
from freshet.serving.recommend.loaded_release import LoadedRelease
from freshet.serving.recommend.ranking import PendingRequest, item_index, unknown_item_error
from freshet.serving.schemas.explanation_schema import ContributingEvent, ExplanationResponse
from freshet.serving.schemas.recommendation_schema import RecommendationRequest


async def explain_item(gateway: Gateway, request: RecommendationRequest, item_id: str) -> ExplanationResponse:
    """Return why the item is recommended to the shopper.

    Raises RequestError: 404 for an unknown item, 503 while no release serves or another explanation runs.
    """
    release = gateway.active_state.release
    if release is None:
        raise gateway.active_state.unavailable_error()
    if item_index(release, item_id) == 0:
        raise unknown_item_error(release, item_id)
    if not gateway.explanation_lock.acquire(blocking=False):
        raise busy_error("another explanation is being computed")
    try:
        shopper = gateway.shopper(request.user_id, request.session_id)
        pending = PendingRequest(request, shopper, gateway.clock.now())
        return await asyncio.to_thread(_build_explanation, gateway, release, pending, item_id)
    finally:
        gateway.explanation_lock.release()


def _build_explanation(
    gateway: Gateway, release: LoadedRelease, pending: PendingRequest, item_id: str
) -> ExplanationResponse:
    events = gateway.shopper_events(release, pending)
    item = np.array([item_index(release, item_id)])
    (explanation,) = explain(release.ranker, to_history(events, release.bundle.vocabulary), item)
    contributions = explanation.contributions[: pending.request.k]
    return ExplanationResponse(
        request_id=new_request_id(),
        bundle=release.bundle.id,
        release=release.number,
        item_id=item_id,
        score=explanation.score,
        events=[_contributing_event(release, events[one.event_row], one.score_delta) for one in contributions],
    )


def _contributing_event(release: LoadedRelease, event: HistoryEvent, score_delta: float) -> ContributingEvent:
    return ContributingEvent(
        item_id=event.item_id,
        event_type=event.event_type,  # type: ignore[arg-type]
        event_time=iso(event.time * MICROS_PER_SECOND),
        title=str(release.bundle.vocabulary.titles[item_index(release, event.item_id)]),
        score_delta=score_delta,
    )
