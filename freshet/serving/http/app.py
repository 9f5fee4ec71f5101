"""The gateway as an ASGI application: endpoints, errors as `{where, what, fix}`, measurements, its OpenAPI pages."""

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import Any, Final, cast

from litestar import Litestar, Request, Response
from litestar.di import Provide
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import ASGIApp, HTTPReceiveMessage, Message, Receive, Scope, Send

from freshet.errors import FreshetError
from freshet.serving.gateway import Gateway
from freshet.serving.http.errors import Problem, RequestError
from freshet.serving.http.openapi_page import PageRenderPlugin
from freshet.serving.http.protocol import MAX_BODY_BYTES
from freshet.serving.http.routes import ROUTES

LOG = logging.getLogger("freshet")
CLIENT_CLOSED_STATUS: Final = "499"  # as nginx counts a client that went away before it was answered
STATUS_FIXES: Final = {404: "see /openapi for what there is", 405: "see /openapi for the methods of each address",
                413: f"send at most {MAX_BODY_BYTES >> 20} MiB at a time"}  # fmt: skip


def create_app(gateway: Gateway) -> ASGIApp:
    """The endpoints of one gateway, which stops with them."""

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        yield
        gateway.stop()

    app = Litestar(
        ROUTES,
        dependencies={"gateway": Provide(lambda: gateway, sync_to_thread=False)},
        exception_handlers={
            FreshetError: partial(on_error, gateway),
            HTTPException: on_http_error,
            Exception: on_unexpected_error,
        },
        lifespan=[lifespan],
        openapi_config=_openapi_config(),
        request_max_body_size=MAX_BODY_BYTES,
        logging_config=None,
    )
    return instrument(app, gateway)


def instrument(app: ASGIApp, gateway: Gateway) -> ASGIApp:
    """Counts requests and their seconds, by route and status."""

    async def middleware(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        started_at, status = time.perf_counter(), ""

        async def send_and_record(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = status or str(message["status"])
            await send(message)

        async def receive_and_record() -> HTTPReceiveMessage:
            nonlocal status
            message = await receive()
            if message["type"] == "http.disconnect":
                status = status or CLIENT_CLOSED_STATUS  # hung up in its own body: what is answered now reaches nobody
            return cast("HTTPReceiveMessage", message)

        await app(scope, cast("Receive", receive_and_record), send_and_record)
        route = scope.get("path_template") or "other"
        gateway.metrics.requests.labels(route, status or "500").inc()
        gateway.metrics.request_seconds.labels(route).observe(time.perf_counter() - started_at)

    return middleware


def on_error(gateway: Gateway, _: Request[Any, Any, Any], error: FreshetError) -> Response[Problem]:
    """An error of ours, without the server's paths, with its own status; 503 where it has none: a part is not there."""
    status = error.status if isinstance(error, RequestError) else 503
    return Response(gateway.redactor.redact_problem(Problem.from_error(error)), status_code=status)


def on_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    """An address, a method or a body that the framework itself refuses."""
    fix = STATUS_FIXES.get(error.status_code, "correct it: /openapi shows every field")
    problem = Problem(request.url.path, error.detail, fix)
    return Response(problem, status_code=error.status_code, headers=error.headers)  # `Allow` of a 405


def on_unexpected_error(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """A mistake of ours: said in the log with its traceback, told without it."""
    LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    problem = Problem(request.url.path, "the gateway made a mistake", "see its log, and report it")
    return Response(problem, status_code=500)


def _openapi_config() -> OpenAPIConfig:
    """/openapi/openapi.json, and /openapi as a page that needs nothing from elsewhere."""
    return OpenAPIConfig(
        title="Freshet",
        version=version("freshet"),
        description="Events in, recommendations out.",
        path="/openapi",
        use_handler_docstrings=True,
        render_plugins=[PageRenderPlugin(path="/"), JsonRenderPlugin(path="/openapi.json")],
    )
