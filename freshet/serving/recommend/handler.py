"""One question over HTTP: put to the ranker, answered with who said so, remembered as an impression."""

import asyncio

from freshet.serving.clock import iso
from freshet.serving.events.impressions import Impression
from freshet.serving.gateway import Gateway, new_request_id
from freshet.serving.http.recommendation_schema import Arm, RecommendationRequest, RecommendationResponse
from freshet.serving.recommend.responses import PendingRequest

CHAMPION: Arm = "champion"


async def recommend(gateway: Gateway, request: RecommendationRequest) -> RecommendationResponse:
    """What one shopper is shown. Raises RequestError: 503 while nothing can answer."""
    shopper = gateway.shopper(request.user_id, request.session_id)
    now = gateway.clock.now()
    response = await respond(gateway, PendingRequest(request, shopper, now))
    item_ids = tuple(item.item_id for item in response.items)
    impression = Impression(
        response.request_id, shopper, item_ids, response.tier, response.arm, response.bundle, response.release, iso(now)
    )
    gateway.impressions.add(impression, now)
    return response


async def respond(gateway: Gateway, pending: PendingRequest) -> RecommendationResponse:
    """As `recommend`, of anything, and nothing is remembered. Raises RequestError: 404 for what nobody knows, 503."""
    result = await asyncio.wrap_future(gateway.recommendation_worker.submit(pending))
    ranked_list, release = result.ranked_list, result.release
    gateway.metrics.answers.labels(ranked_list.tier).inc()
    return RecommendationResponse(
        new_request_id(), ranked_list.tier, CHAMPION, release.bundle.id, release.number, ranked_list.items
    )
