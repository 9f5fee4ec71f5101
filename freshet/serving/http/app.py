"""The gateway as an ASGI application: endpoints, error responses, request metrics, OpenAPI pages."""

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
from freshet.serving.errors import Problem, RequestError
from freshet.serving.gateway import Gateway
from freshet.serving.http.openapi_page import PageRenderPlugin
from freshet.serving.http.protocol import MAX_BODY_BYTES
from freshet.serving.http.routes import ROUTES
from freshet.serving.metrics import GatewayMetrics

LOG = logging.getLogger("freshet")
CLIENT_CLOSED_STATUS: Final = "499"  # nginx's status for a client that disconnected before the response
STATUS_FIXES: Final = {
    404: "see /openapi for all addresses",
    405: "see /openapi for the methods of each address",
    413: f"send at most {MAX_BODY_BYTES >> 20} MiB at a time",
}


def create_app(gateway: Gateway) -> ASGIApp:
    """Return the application of one gateway; its shutdown stops the gateway."""

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
    return _RequestMetrics(app, gateway.metrics)


class _RequestMetrics:
    """ASGI middleware that counts requests and measures their duration, by route and status."""

    def __init__(self, app: ASGIApp, metrics: GatewayMetrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        started_at, status = time.perf_counter(), _FirstStatus(receive, send)
        await self._app(scope, cast("Receive", status.receive), status.send)
        route = scope.get("path_template") or "other"
        self._metrics.requests.labels(route, status.value or "500").inc()
        self._metrics.request_seconds.labels(route).observe(time.perf_counter() - started_at)


class _FirstStatus:
    """The status of one request: of its response, or 499 if the client disconnects before."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self.value = ""

    async def receive(self) -> HTTPReceiveMessage:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.value = self.value or CLIENT_CLOSED_STATUS  # a later response does not reach the client
        return cast("HTTPReceiveMessage", message)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.value = self.value or str(message["status"])
        await self._send(message)


def on_error(gateway: Gateway, _: Request[Any, Any, Any], error: FreshetError) -> Response[Problem]:
    """Return a FreshetError as a response without server paths; 503 if it has no status of its own."""
    status = error.status if isinstance(error, RequestError) else 503
    return Response(gateway.redactor.redact_problem(Problem.from_error(error)), status_code=status)


def on_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    """Return an error of the framework: an unknown address or method, or a body that is too large."""
    fix = STATUS_FIXES.get(error.status_code, "correct it: /openapi shows every field")
    problem = Problem(request.url.path, error.detail, fix)
    return Response(problem, status_code=error.status_code, headers=error.headers)  # `Allow` of a 405


def on_unexpected_error(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """Log an unexpected error with its traceback; return 500 without details."""
    LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    problem = Problem(request.url.path, "internal error", "see the gateway's log, and report it")
    return Response(problem, status_code=500)


def _openapi_config() -> OpenAPIConfig:
    """Serve /openapi/openapi.json and the page /openapi."""
    return OpenAPIConfig(
        title="Freshet",
        version=version("freshet"),
        description="Events in, recommendations out.",
        path="/openapi",
        use_handler_docstrings=True,
        render_plugins=[PageRenderPlugin(path="/"), JsonRenderPlugin(path="/openapi.json")],
    )
