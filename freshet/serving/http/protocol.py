"""HTTP/1.1 with limits: the head, the bytes on the wire, the time and the number of requests of one connection.

uvicorn's parser keeps a header until it ends, however long it is, and appends to it a read at a time: 45 MB of one
header keep the process busy for 20 s. Here a request that is too much is refused before it is read any further, with
the same `{where, what, fix}` as everywhere; an answer that cannot be sent in its turn is left out, and the connection
is closed. Sizes are checked after each read, so that at most one read (256 KiB) more than a limit is held.
"""

import asyncio
import http
from collections.abc import Callable
from typing import Any, Final, Literal

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from freshet.serving.http.errors import Problem

MAX_URL_BYTES: Final = 16 << 10  # bytes of a request's address
MAX_HEAD_BYTES: Final = 32 << 10  # bytes of a request's address and headers
MAX_HEADERS: Final = 100  # of one request
MAX_BODY_BYTES: Final = 1 << 20  # bytes of a request's body
MAX_WIRE_BYTES: Final = (
    4 * MAX_BODY_BYTES
)  # bytes of a body as it travels: sizes, extensions and trailers of its chunks included
MAX_PIPELINED_REQUESTS: Final = 100  # requests of one connection that wait for their turn
REQUEST_TIMEOUT_S: Final = 20.0  # seconds in which a request has arrived, from its first byte on
LINGER_S: Final = 1.0  # seconds in which a refused client may read why, before the connection is cut

ReadPhase = Literal[
    "none", "head", "body", "rest"
]  # what is read: none between two requests, the rest is not read any more
OnRefusal = Callable[[int, str], None]  # told of the status and of what was wrong


class RefusedRequestError(Exception):
    """A request that is not read any further. status: its HTTP status."""

    def __init__(self, status: int, what: str, fix: str) -> None:
        super().__init__(what)
        self.status, self.problem = status, Problem("request", what, fix)


def head_too_large(what: str, status: int = 431) -> RefusedRequestError:
    """A head that is too large."""
    return RefusedRequestError(status, what, "send less; a question too long for an address goes by POST")


def not_http() -> RefusedRequestError:
    """What is no request, or none that may be passed on."""
    return RefusedRequestError(
        400, "it is no HTTP/1.1", "send HTTP/1.1 in plain text; TLS ends in front of the gateway"
    )


def body_too_large() -> RefusedRequestError:
    """A body that takes too much to transmit, whatever is left of it."""
    return RefusedRequestError(
        413, f"its body takes more than {MAX_WIRE_BYTES >> 20} MiB", f"send {MAX_BODY_BYTES >> 20} MiB at a time"
    )


def request_timeout() -> RefusedRequestError:
    """A request that does not arrive."""
    return RefusedRequestError(408, f"it did not arrive within {REQUEST_TIMEOUT_S:.0f} s", "send it again, in one go")


def pipeline_full() -> RefusedRequestError:
    """Requests sent ahead, before the answers to earlier ones."""
    return RefusedRequestError(
        429, f"{MAX_PIPELINED_REQUESTS} requests of its connection wait", "wait for answers before sending more"
    )


def bounded_protocol(on_refusal: OnRefusal) -> type[HttpToolsProtocol]:
    """The protocol as uvicorn takes it: a class. refusal: is called for every request that was refused here."""
    return type("BoundedHttp", (_BoundedProtocol,), {"refusal": staticmethod(on_refusal)})


class _BoundedProtocol(HttpToolsProtocol):
    on_refusal: OnRefusal

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._phase: str = (
            "none"  # what is being read: none (between two requests), head, body, rest (not read any more)
        )
        self._began_mid_read = False  # the request began in this very read, somewhere in the middle of it
        self._read_bytes = self._header_bytes = self._header_count = (
            0  # read so far; of the headers that are whole, and their number
        )
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """With a limit on how long it says nothing: balancers open connections ahead, and keep them as idle ones."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(self.timeout_keep_alive, self._on_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget its timer."""
        self._set_arrival_timer(False)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what arrived, and refuse what is too much."""
        if self._phase == "rest":
            return
        try:
            self._feed(data)
            self._check_size(len(data))
        except RefusedRequestError as error:
            self._refuse(error)
            return
        if self._phase != "none":
            self._set_arrival_timer(True)

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return  # an upgrade that is offered may be left alone (RFC 9110, 7.8): it was answered as HTTP/1.1
        except httptools.HttpParserError as error:
            reason = error.__context__
            raise (reason if isinstance(reason, RefusedRequestError) else not_http()) from None

    def _check_size(self, n_bytes: int) -> None:
        if (
            self._began_mid_read
        ):  # how much of this read is of this request is not known: it counts from the next one on
            self._began_mid_read = False
            return
        self._read_bytes += n_bytes
        if self._phase == "head" and self._read_bytes > MAX_HEAD_BYTES:
            raise head_too_large(f"its head takes more than {MAX_HEAD_BYTES >> 10} KiB")
        if self._phase == "body" and self._read_bytes > MAX_WIRE_BYTES:
            raise body_too_large()

    def on_message_begin(self) -> None:
        """A request begins, and with it its time; empty lines between two requests are none."""
        super().on_message_begin()
        self._unset_keepalive_if_required()
        self._set_arrival_timer(False)
        self._phase, self._began_mid_read = "head", True
        self._read_bytes = self._header_bytes = self._header_count = 0

    def on_url(self, url: bytes) -> None:
        """A piece of the address."""
        super().on_url(url)
        if len(self.url) > MAX_URL_BYTES:
            raise head_too_large(f"its address takes more than {MAX_URL_BYTES >> 10} KiB", 414)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or one that follows the chunks of a body."""
        self._header_count += 1
        self._header_bytes += len(name) + len(value) + len(b": \r\n")
        if self._header_count > MAX_HEADERS:
            raise head_too_large(f"it has more than {MAX_HEADERS} headers")
        if self._header_bytes > MAX_HEAD_BYTES:
            raise head_too_large(f"its head takes more than {MAX_HEAD_BYTES >> 10} KiB")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The application may begin, or the request waits for its turn."""
        if len(self.pipeline) >= MAX_PIPELINED_REQUESTS:
            raise pipeline_full()
        self._unset_keepalive_if_required()  # set where the answer before this request went out while it arrived
        super().on_headers_complete()
        self._phase, self._read_bytes = "body", 0

    def on_message_complete(self) -> None:
        """The request is whole."""
        super().on_message_complete()
        self._phase = "none"
        self._set_arrival_timer(False)

    def on_response_complete(self) -> None:
        """As uvicorn's, but nothing more is read while requests wait for their turn."""
        super().on_response_complete()
        if self.pipeline and not self.transport.is_closing():
            self.flow.pause_reading()

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing to say: a client that offers HTTP/2 is answered in HTTP/1.1."""

    def _set_arrival_timer(self, is_arriving: bool) -> None:
        """Limit the time in which a request arrives."""
        if is_arriving and self._timer is None:
            self._timer = self.loop.call_later(REQUEST_TIMEOUT_S, self._on_timeout)
        elif not is_arriving and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_timeout(self) -> None:
        self._timer = None
        if self._phase == "none":
            self.transport.close()  # a connection that has not been used
        elif self._phase != "rest":
            self._refuse(request_timeout())

    def _refuse(self, error: RefusedRequestError) -> None:
        """Answer where the answer stands in its turn, read nothing more, and cut the connection."""
        self.on_refusal(error.status, error.problem.what)
        can_respond = self._can_respond()
        self._phase = "rest"
        self._set_arrival_timer(False)
        if not can_respond:
            self.transport.close()
            return
        if self.cycle is not None and not self.cycle.response_complete:  # the application reads its body still
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write(_error_response(error))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._timer = self.loop.call_later(LINGER_S, self.transport.close)

    def _can_respond(self) -> bool:
        """Whether no earlier request of the connection waits for its answer, and this one has none yet."""
        if self.cycle is None or self.cycle.response_complete:
            return self._phase != "body"  # a body that is still read of a request that has been answered: no second one
        return self._phase == "body" and not self.pipeline and not self.cycle.response_started


def _error_response(error: RefusedRequestError) -> bytes:
    """The whole response."""
    body = msgspec.json.encode(error.problem)
    line = f"HTTP/1.1 {error.status} {http.HTTPStatus(error.status).phrase}"
    head = f"{line}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    return head.encode() + body
