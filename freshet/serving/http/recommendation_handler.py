"""Handle a recommendation request: rank, build the response, log an impression."""

import asyncio
from typing import Final

from freshet.serving.clock import iso
from freshet.serving.events.impressions import Impression
from freshet.serving.gateway import Gateway, new_request_id
from freshet.serving.recommend.ranking import PendingRequest
from freshet.serving.schemas.recommendation_schema import Arm, RecommendationRequest, RecommendationResponse

CHAMPION: Final[Arm] = "champion"


async def recommend(gateway: Gateway, request: RecommendationRequest) -> RecommendationResponse:
    """Return the recommendations for one shopper and log the impression. Raises RequestError (503)."""
    shopper = gateway.shopper(request.user_id, request.session_id)
    now = gateway.clock.now()
    response = await respond(gateway, PendingRequest(request, shopper, now))
    impression = Impression(
        request_id=response.request_id,
        shopper=shopper,
        items=tuple(item.item_id for item in response.items),
        tier=response.tier,
        arm=response.arm,
        bundle=response.bundle,
        release=response.release,
        shown_at=iso(now),
    )
    gateway.impressions.add(impression, now)
    return response


async def respond(gateway: Gateway, pending: PendingRequest) -> RecommendationResponse:
    """Return the response to any kind of request, without an impression.

    Raises RequestError: 404 for an unknown item or category, 503 if the gateway cannot rank now.
    """
    result = await asyncio.wrap_future(gateway.recommendation_worker.submit(pending))
    ranked_list, release = result.ranked_list, result.release
    gateway.metrics.answers.labels(ranked_list.tier).inc()
    return RecommendationResponse(
        request_id=new_request_id(),
        tier=ranked_list.tier,
        arm=CHAMPION,
        bundle=release.bundle.id,
        release=release.number,
        items=ranked_list.items,
    )
