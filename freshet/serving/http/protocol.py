"""HTTP/1.1 with limits on request head, body, duration and pipelining.

uvicorn's parser buffers a header of any length and appends to it read by read: a header of 45 MB keeps the process busy
for 20 s. This protocol rejects a request over a limit before it reads any further, with the usual `{where, what, fix}`.
It closes the connection, without a response if one cannot be sent in its turn. Sizes are checked after each read, so at
most one read (256 KiB) over a limit is buffered.
"""

import asyncio
import http
from collections.abc import Callable
from typing import Any, Final, Literal

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from freshet.serving.errors import Problem

MAX_URL_BYTES: Final = 16 << 10  # of a request's address
MAX_HEAD_BYTES: Final = 32 << 10  # of a request's address and headers
MAX_HEADERS: Final = 100  # of one request
MAX_BODY_BYTES: Final = 1 << 20  # of a request's body
MAX_WIRE_BYTES: Final = 4 * MAX_BODY_BYTES  # of a body on the wire, with the sizes, extensions and trailers of chunks
MAX_PIPELINED_REQUESTS: Final = 100  # requests of one connection that wait for earlier responses
REQUEST_TIMEOUT_S: Final = 20.0  # from a request's first byte until it is complete
LINGER_S: Final = 1.0  # for the client to read the error before the connection is closed

ReadPhase = Literal["none", "head", "body", "rest"]  # none: between requests; rest: after a rejection, ignored
OnRejection = Callable[[int, str], None]  # takes the HTTP status and the reason


class RejectedRequestError(Exception):
    """A request that is not read any further. status: its HTTP status."""

    def __init__(self, status: int, what: str, fix: str) -> None:
        super().__init__(what)
        self.status, self.problem = status, Problem("request", what, fix)


def head_too_large(what: str, status: int = 431) -> RejectedRequestError:
    """Return the error of a request head over a limit."""
    return RejectedRequestError(status, what, "send less; use POST for a request too long for an address")


def not_http() -> RejectedRequestError:
    """Return the error of bytes that are not a valid HTTP/1.1 request."""
    return RejectedRequestError(
        400, "it is not HTTP/1.1", "send HTTP/1.1 in plain text; terminate TLS in front of the gateway"
    )


def body_too_large() -> RejectedRequestError:
    """Return the error of a body that is too large on the wire."""
    return RejectedRequestError(
        413, f"its body takes more than {MAX_WIRE_BYTES >> 20} MiB", f"send {MAX_BODY_BYTES >> 20} MiB at a time"
    )


def request_timeout() -> RejectedRequestError:
    """Return the error of a request that is not complete in time."""
    return RejectedRequestError(408, f"it did not arrive within {REQUEST_TIMEOUT_S:.0f} s", "send it again, in one go")


def pipeline_full() -> RejectedRequestError:
    """Return the error of too many pipelined requests."""
    return RejectedRequestError(
        429, f"{MAX_PIPELINED_REQUESTS} requests of its connection wait", "wait for responses before sending more"
    )


def bounded_protocol(on_rejection: OnRejection) -> type[HttpToolsProtocol]:
    """Return the protocol class for uvicorn. on_rejection: called for every request that the protocol rejects."""
    return type("BoundedHttp", (_BoundedProtocol,), {"on_rejection": staticmethod(on_rejection)})


class _BoundedProtocol(HttpToolsProtocol):
    on_rejection: OnRejection

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._phase: ReadPhase = "none"
        self._began_mid_read = False  # the current request began in this read
        self._read_bytes = 0  # of the current head or body
        self._header_bytes = self._header_count = 0  # complete headers
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the idle timeout: load balancers open connections ahead, and keep them like idle ones."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(self.timeout_keep_alive, self._on_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timer."""
        self._set_arrival_timer(False)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse the data, and reject the request if it exceeds a limit."""
        if self._phase == "rest":
            return
        try:
            self._feed(data)
            self._check_size(len(data))
        except RejectedRequestError as error:
            self._reject(error)
            return
        if self._phase != "none":
            self._set_arrival_timer(True)

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return  # an offered upgrade may be ignored (RFC 9110, 7.8): the request is served as HTTP/1.1
        except httptools.HttpParserError as error:
            reason = error.__context__
            raise (reason if isinstance(reason, RejectedRequestError) else not_http()) from None

    def _check_size(self, n_bytes: int) -> None:
        if self._began_mid_read:  # this read's share of the request is unknown: count from the next read on
            self._began_mid_read = False
            return
        self._read_bytes += n_bytes
        if self._phase == "head" and self._read_bytes > MAX_HEAD_BYTES:
            raise head_too_large(f"its head takes more than {MAX_HEAD_BYTES >> 10} KiB")
        if self._phase == "body" and self._read_bytes > MAX_WIRE_BYTES:
            raise body_too_large()

    def on_message_begin(self) -> None:
        """Reset the limits for a new request; empty lines between requests do not start one."""
        super().on_message_begin()
        self._unset_keepalive_if_required()
        self._set_arrival_timer(False)
        self._phase, self._began_mid_read = "head", True
        self._read_bytes = self._header_bytes = self._header_count = 0

    def on_url(self, url: bytes) -> None:
        """Check the address' length."""
        super().on_url(url)
        if len(self.url) > MAX_URL_BYTES:
            raise head_too_large(f"its address takes more than {MAX_URL_BYTES >> 10} KiB", 414)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Check the number and size of the headers; also called for trailers."""
        self._header_count += 1
        self._header_bytes += len(name) + len(value) + len(b": \r\n")
        if self._header_count > MAX_HEADERS:
            raise head_too_large(f"it has more than {MAX_HEADERS} headers")
        if self._header_bytes > MAX_HEAD_BYTES:
            raise head_too_large(f"its head takes more than {MAX_HEAD_BYTES >> 10} KiB")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start the application, or queue the request behind earlier ones."""
        if len(self.pipeline) >= MAX_PIPELINED_REQUESTS:
            raise pipeline_full()
        self._unset_keepalive_if_required()  # set if the previous response was sent while this request arrived
        super().on_headers_complete()
        self._phase, self._read_bytes = "body", 0

    def on_message_complete(self) -> None:
        """Cancel the request's timeout: it is complete."""
        super().on_message_complete()
        self._phase = "none"
        self._set_arrival_timer(False)

    def on_response_complete(self) -> None:
        """Pause reading while pipelined requests wait."""
        super().on_response_complete()
        if self.pipeline and not self.transport.is_closing():
            self.flow.pause_reading()

    def _unsupported_upgrade_warning(self) -> None:
        """Log nothing: a client that offers HTTP/2 gets HTTP/1.1."""

    def _set_arrival_timer(self, is_arriving: bool) -> None:
        """Start or cancel the timeout of the current request."""
        if is_arriving and self._timer is None:
            self._timer = self.loop.call_later(REQUEST_TIMEOUT_S, self._on_timeout)
        elif not is_arriving and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_timeout(self) -> None:
        self._timer = None
        if self._phase == "none":
            self.transport.close()  # an idle connection
        elif self._phase != "rest":
            self._reject(request_timeout())

    def _reject(self, error: RejectedRequestError) -> None:
        """Send the error if it is this request's turn, stop reading, and close the connection."""
        self.on_rejection(error.status, error.problem.what)
        can_respond = self._can_respond()
        self._phase = "rest"
        self._set_arrival_timer(False)
        if not can_respond:
            self.transport.close()
            return
        if self.cycle is not None and not self.cycle.response_complete:  # the application still reads its body
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write(_error_response(error))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._timer = self.loop.call_later(LINGER_S, self.transport.close)

    def _can_respond(self) -> bool:
        """Whether no earlier request of the connection waits for its response, and this one has none yet."""
        if self.cycle is None or self.cycle.response_complete:
            return self._phase != "body"  # the body of a request that has its response already: no second one
        return self._phase == "body" and not self.pipeline and not self.cycle.response_started


def _error_response(error: RejectedRequestError) -> bytes:
    """Return the complete HTTP response."""
    body = msgspec.json.encode(error.problem)
    line = f"HTTP/1.1 {error.status} {http.HTTPStatus(error.status).phrase}"
    head = f"{line}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    return head.encode() + body
