"""The gateway's endpoints. Thin: each reads its request, asks one function, answers."""

from typing import Annotated, Any, Final

import msgspec
from litestar import MediaType, Request, Response, get, post, route
from litestar.di import NamedDependency
from litestar.enums import HttpMethod
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import PathParameter

from freshet.data.whitespace import trim
from freshet.serving.events.intake import Receipt, accept_events
from freshet.serving.gateway import Gateway
from freshet.serving.http.errors import Problem
from freshet.serving.http.openapi import (
    ExplainOperation,
    FilteredListOperation,
    GetRecommendationsOperation,
    PostEventsOperation,
    PostRecommendationsOperation,
)
from freshet.serving.http.recommendation_schema import (
    EXPLANATION_PARAMS,
    FILTER_PARAMS,
    RecommendationResponse,
    parse_body,
    parse_query,
)
from freshet.serving.metrics import CONTENT_TYPE
from freshet.serving.recommend.explain_handler import ExplanationResponse, explain_item
from freshet.serving.recommend.handler import recommend, respond
from freshet.serving.recommend.responses import PendingRequest

HttpRequest = Request[Any, Any, Any]
ItemId = Annotated[str, PathParameter(description="the catalogue's id")]

PROBE_METHODS: Final = [HttpMethod.GET, HttpMethod.HEAD]  # by balancers and monitors, some of which ask for no body
LIST_DESCRIPTION = "the items, best first, and who says so"


class Health(msgspec.Struct, frozen=True):
    """Whether the process works. A dead part is cured by a restart."""

    alive: bool
    dead: list[str]


class Readiness(msgspec.Struct, frozen=True):
    """Whether questions are answered, by which release, and everything that is not as it should be."""

    ready: bool
    release: int | None
    bundle: str | None
    shoppers: int  # known from the lake
    waiting: int  # lines that wait to be landed
    reasons: list[Problem]


@post(
    "/v1/events", operation_class=PostEventsOperation, status_code=202, response_description="all kept", tags=["events"]
)
async def post_events(request: HttpRequest, gateway: NamedDependency[Gateway]) -> Response[Receipt]:
    """Keep one event or a list of up to 1,000; answered when they are on disk."""
    receipt = await accept_events(gateway, await request.body())
    return Response(receipt, status_code=receipt.http_status)


@get(
    "/v1/recommendations",
    operation_class=GetRecommendationsOperation,
    response_description=LIST_DESCRIPTION,
    tags=["recommendations"],
)
async def get_recommendations(request: HttpRequest, gateway: NamedDependency[Gateway]) -> RecommendationResponse:
    """What to show a shopper, or somebody of whom only the items just met are known."""
    return await recommend(gateway, parse_query(request.query_params.multi_items()))


@post(
    "/v1/recommendations",
    operation_class=PostRecommendationsOperation,
    status_code=200,
    response_description=LIST_DESCRIPTION,
    tags=["recommendations"],
)
async def post_recommendations(request: HttpRequest, gateway: NamedDependency[Gateway]) -> RecommendationResponse:
    """As GET, for questions too long for an address."""
    return await recommend(gateway, parse_body(await request.body()))


@route("/v1/recommendations", http_method=[HttpMethod.OPTIONS], status_code=204, include_in_schema=False)
async def recommendations_options() -> Response[None]:
    """What may be asked there; Litestar's own answer knows the methods of the first handler only."""
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
    """What goes with an item; 404 for one that the release does not know.

    An id with a slash in it: `/v1/items/-/similar?item_id=…`.
    """
    pairs = list(request.query_params.multi_items())
    parsed_request = parse_query([pair for pair in pairs if pair[0] != "item_id"], FILTER_PARAMS)
    item = trim(dict(pairs).get("item_id", item_id))
    return await respond(gateway, PendingRequest(parsed_request, None, gateway.clock.now(), "similar", item))


@get(
    "/v1/items/{item_id:str}/explanation",
    operation_class=ExplainOperation,
    response_description="the events that move the item's score most",
    tags=["recommendations"],
)
async def get_explanation(
    request: HttpRequest, gateway: NamedDependency[Gateway], item_id: ItemId
) -> ExplanationResponse:
    """Why an item is shown to a shopper: what its score would be without each of their events.

    Exact, and as dear as a hundred answers: one at a time, 503 while another is under way. An id with a slash in it:
    `/v1/items/-/explanation?item_id=…`.
    """
    pairs = list(request.query_params.multi_items())
    parsed_request = parse_query([pair for pair in pairs if pair[0] != "item_id"], EXPLANATION_PARAMS)
    return await explain_item(gateway, parsed_request, trim(dict(pairs).get("item_id", item_id)))


@get(
    "/v1/popular",
    operation_class=FilteredListOperation,
    response_description=LIST_DESCRIPTION,
    tags=["recommendations"],
)
async def get_popular(request: HttpRequest, gateway: NamedDependency[Gateway]) -> RecommendationResponse:
    """What most shoppers were after lately, in some categories or in all; 404 for a category nobody knows."""
    parsed_request = parse_query(request.query_params.multi_items(), FILTER_PARAMS)
    return await respond(gateway, PendingRequest(parsed_request, None, gateway.clock.now(), "popular"))


@route(
    "/healthz",
    http_method=PROBE_METHODS,
    tags=["operations"],
    response_description="every part works",
    responses={503: ResponseSpec(Health, generate_examples=False, description="a part of the process has died: which")},
)
async def healthz(gateway: NamedDependency[Gateway]) -> Response[Health]:
    """200 while the process works, 503 when a part of it has died."""
    dead_threads = gateway.dead_threads()
    return Response(Health(not dead_threads, dead_threads), status_code=503 if dead_threads else 200)


@route(
    "/readyz",
    http_method=PROBE_METHODS,
    tags=["operations"],
    response_description="a release answers",
    responses={503: ResponseSpec(Readiness, generate_examples=False, description="nothing can answer yet: why")},
)
async def readyz(gateway: NamedDependency[Gateway]) -> Response[Readiness]:
    """200 while a release answers, else 503; with everything that is not as it should be."""
    readiness = check_readiness(gateway)
    return Response(readiness, status_code=200 if readiness.ready else 503)


@route("/metrics", http_method=PROBE_METHODS, media_type=MediaType.TEXT, tags=["operations"])
async def metrics(gateway: NamedDependency[Gateway]) -> Response[bytes]:
    """For Prometheus."""
    gateway.update_gauges()
    return Response(gateway.metrics.exposition(), media_type=CONTENT_TYPE)


def check_readiness(gateway: Gateway) -> Readiness:
    """What /readyz says."""
    release, histories = gateway.active_state.release, gateway.active_state.snapshots.histories
    return Readiness(
        release is not None,
        release.number if release else None,
        release.bundle.id if release else None,
        len(histories) if histories is not None else 0,
        gateway.flusher.waiting_lines,
        [gateway.redactor.redact_problem(reason) for reason in gateway.problems()],
    )


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
