"""The gateway's endpoints: each decodes its request and calls one handler."""

from typing import Annotated, Any, Final

import msgspec
from litestar import MediaType, Request, Response, get, post, route
from litestar.di import NamedDependency
from litestar.enums import HttpMethod
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import PathParameter

from freshet.data.whitespace import trim
from freshet.serving.errors import Problem
from freshet.serving.gateway import Gateway
from freshet.serving.http.event_handler import accept_events
from freshet.serving.http.explanation_handler import explain_item
from freshet.serving.http.openapi import (
    ExplainOperation,
    FilteredListOperation,
    GetRecommendationsOperation,
    PostEventsOperation,
    PostRecommendationsOperation,
)
from freshet.serving.http.recommendation_handler import recommend, respond
from freshet.serving.metrics import CONTENT_TYPE
from freshet.serving.recommend.ranking import PendingRequest
from freshet.serving.schemas.explanation_schema import ExplanationResponse
from freshet.serving.schemas.receipt_schema import Receipt
from freshet.serving.schemas.recommendation_schema import (
    EXPLANATION_PARAMS,
    FILTER_PARAMS,
    RecommendationRequest,
    RecommendationResponse,
    parse_body,
    parse_query,
)

HttpRequest = Request[Any, Any, Any]
ItemId = Annotated[str, PathParameter(description="the catalogue's id; `-` with `?item_id=…` for an id with a slash")]

PROBE_METHODS: Final = [HttpMethod.GET, HttpMethod.HEAD]  # load balancers and monitors may use either
LIST_DESCRIPTION: Final = "the items, best first, with their tier, bundle and release"


class Health(msgspec.Struct, frozen=True):
    """Whether all threads run. dead: the names of those that do not; a restart starts them again."""

    alive: bool
    dead: list[str]


class Readiness(msgspec.Struct, frozen=True):
    """Whether a release serves, which one, and everything that is wrong."""

    ready: bool
    release: int | None
    bundle: str | None
    shoppers: int  # with a history from the lake
    waiting: int  # lines that wait for landing
    reasons: list[Problem]


@post(
    "/v1/events",
    operation_class=PostEventsOperation,
    status_code=202,
    response_description="all stored",
    tags=["events"],
)
async def post_events(request: HttpRequest, gateway: NamedDependency[Gateway]) -> Response[Receipt]:
    """Store one event or a list of up to 1,000; the response is sent when they are on disk."""
    receipt = await accept_events(gateway, await request.body())
    return Response(receipt, status_code=receipt.http_status)


@get(
    "/v1/recommendations",
    operation_class=GetRecommendationsOperation,
    response_description=LIST_DESCRIPTION,
    tags=["recommendations"],
)
async def get_recommendations(request: HttpRequest, gateway: NamedDependency[Gateway]) -> RecommendationResponse:
    """Recommend items to a shopper, from their history or from the items sent with the request."""
    return await recommend(gateway, parse_query(request.query_params.multi_items()))


@post(
    "/v1/recommendations",
    operation_class=PostRecommendationsOperation,
    status_code=200,
    response_description=LIST_DESCRIPTION,
    tags=["recommendations"],
)
async def post_recommendations(request: HttpRequest, gateway: NamedDependency[Gateway]) -> RecommendationResponse:
    """Same as GET, for requests too long for an address, and with events."""
    return await recommend(gateway, parse_body(await request.body()))


@route("/v1/recommendations", http_method=[HttpMethod.OPTIONS], status_code=204, include_in_schema=False)
async def recommendations_options() -> Response[None]:
    """Return the allowed methods; Litestar's own response has those of the first handler only."""
    return Response(None, headers={"Allow": "GET, OPTIONS, POST"})


@get(
    "/v1/items/{item_id:str}/similar",
    operation_class=FilteredListOperation,
    response_description=LIST_DESCRIPTION,
    tags=["recommendations"],
)
async def get_similar(
    request: HttpRequest, gateway: NamedDependency[Gateway], item_id: ItemId
) -> RecommendationResponse:
    """Return items similar to an item; 404 if the release does not know it.

    An id with a slash: `/v1/items/-/similar?item_id=…`.
    """
    item, parsed_request = parse_item_query(request, item_id, FILTER_PARAMS)
    return await respond(gateway, PendingRequest(parsed_request, None, gateway.clock.now(), "similar", item))


@get(
    "/v1/items/{item_id:str}/explanation",
    operation_class=ExplainOperation,
    response_description="the events that change the item's score most",
    tags=["recommendations"],
)
async def get_explanation(
    request: HttpRequest, gateway: NamedDependency[Gateway], item_id: ItemId
) -> ExplanationResponse:
    """Explain an item's score for a shopper: how it changes without each of their events.

    Exact, and as expensive as a hundred recommendations: one at a time, 503 while another is being computed. An id with
    a slash: `/v1/items/-/explanation?item_id=…`.
    """
    item, parsed_request = parse_item_query(request, item_id, EXPLANATION_PARAMS)
    return await explain_item(gateway, parsed_request, item)


@get(
    "/v1/popular",
    operation_class=FilteredListOperation,
    response_description=LIST_DESCRIPTION,
    tags=["recommendations"],
)
async def get_popular(request: HttpRequest, gateway: NamedDependency[Gateway]) -> RecommendationResponse:
    """Return the items most popular lately, in some categories or in all; 404 for an unknown category."""
    parsed_request = parse_query(request.query_params.multi_items(), FILTER_PARAMS)
    return await respond(gateway, PendingRequest(parsed_request, None, gateway.clock.now(), "popular"))


@route(
    "/healthz",
    http_method=PROBE_METHODS,
    tags=["operations"],
    response_description="all threads run",
    responses={503: ResponseSpec(Health, generate_examples=False, description="a thread has died: which")},
)
async def healthz(gateway: NamedDependency[Gateway]) -> Response[Health]:
    """Return 200 while all threads run, 503 after one has died."""
    dead_threads = gateway.dead_threads()
    return Response(Health(not dead_threads, dead_threads), status_code=503 if dead_threads else 200)


@route(
    "/readyz",
    http_method=PROBE_METHODS,
    tags=["operations"],
    response_description="a release serves",
    responses={503: ResponseSpec(Readiness, generate_examples=False, description="no release serves yet: why")},
)
async def readyz(gateway: NamedDependency[Gateway]) -> Response[Readiness]:
    """Return 200 while a release serves, else 503; with everything that is wrong."""
    readiness = check_readiness(gateway)
    return Response(readiness, status_code=200 if readiness.ready else 503)


@route("/metrics", http_method=PROBE_METHODS, media_type=MediaType.TEXT, tags=["operations"])
async def metrics(gateway: NamedDependency[Gateway]) -> Response[bytes]:
    """Return the metrics in Prometheus' text format."""
    gateway.update_gauges()
    return Response(gateway.metrics.exposition(), media_type=CONTENT_TYPE)


def check_readiness(gateway: Gateway) -> Readiness:
    """Return the body of /readyz."""
    release, histories = gateway.active_state.release, gateway.active_state.snapshots.histories
    return Readiness(
        ready=release is not None,
        release=release.number if release else None,
        bundle=release.bundle.id if release else None,
        shoppers=len(histories) if histories is not None else 0,
        waiting=gateway.flusher.waiting_lines,
        reasons=[gateway.redactor.redact_problem(problem) for problem in gateway.problems()],
    )


def parse_item_query(request: HttpRequest, item_id: str, params: frozenset[str]) -> tuple[str, RecommendationRequest]:
    """Return the item id, of the parameter `item_id` if there is one, else of the path, and the other parameters."""
    pairs = list(request.query_params.multi_items())
    parsed_request = parse_query([pair for pair in pairs if pair[0] != "item_id"], params)
    return trim(dict(pairs).get("item_id", item_id)), parsed_request


ROUTES = [
    recommendations_options,  # before the others of its address, or Litestar adds its own
    post_events,
    get_recommendations,
    post_recommendations,
    get_similar,
    get_explanation,
    get_popular,
    healthz,
    readyz,
    metrics,
]
