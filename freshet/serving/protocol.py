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

from freshet.serving.problems import Problem

URL: Final = 16 << 10  # bytes of a request's address
HEAD: Final = 32 << 10  # bytes of a request's address and headers
HEADERS: Final = 100  # of one request
BODY: Final = 1 << 20  # bytes of a request's body
WIRE: Final = 4 * BODY  # bytes of a body as it travels: sizes, extensions and trailers of its chunks included
PIPELINED: Final = 100  # requests of one connection that wait for their turn
ARRIVAL: Final = 20.0  # seconds in which a request has arrived, from its first byte on
LINGER: Final = 1.0  # seconds in which a refused client may read why, before the connection is cut

Part = Literal["none", "head", "body", "rest"]  # what is read: none between two requests, the rest is not read any more
Refusal = Callable[[int, str], None]  # told of the status and of what was wrong


class RefusedError(Exception):
    """A request that is not read any further. status: its HTTP status."""

    def __init__(self, status: int, what: str, fix: str) -> None:
        super().__init__(what)
        self.status, self.problem = status, Problem("request", what, fix)


def too_long(what: str, status: int = 431) -> RefusedError:
    """A head that is too large."""
    return RefusedError(status, what, "send less; a question too long for an address goes by POST")


def no_http() -> RefusedError:
    """What is no request, or none that may be passed on."""
    return RefusedError(400, "it is no HTTP/1.1", "send HTTP/1.1 in plain text; TLS ends in front of the gateway")


def too_large() -> RefusedError:
    """A body that takes too much to transmit, whatever is left of it."""
    return RefusedError(413, f"its body takes more than {WIRE >> 20} MiB", f"send {BODY >> 20} MiB at a time")


def too_slow() -> RefusedError:
    """A request that does not arrive."""
    return RefusedError(408, f"it did not arrive within {ARRIVAL:.0f} s", "send it again, in one go")


def too_many() -> RefusedError:
    """Requests sent ahead, before the answers to earlier ones."""
    return RefusedError(429, f"{PIPELINED} requests of its connection wait", "wait for answers before sending more")


def bounded(refusal: Refusal) -> type[HttpToolsProtocol]:
    """The protocol as uvicorn takes it: a class. refusal: is called for every request that was refused here."""
    return type("BoundedHttp", (_Bounded,), {"refusal": staticmethod(refusal)})


class _Bounded(HttpToolsProtocol):
    refusal: Refusal

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._part: str = (
            "none"  # what is being read: none (between two requests), head, body, rest (not read any more)
        )
        self._fresh = False  # the request began in this very read, somewhere in the middle of it
        self._bytes = self._size = self._count = 0  # read so far; of the headers that are whole, and their number
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """With a limit on how long it says nothing: balancers open connections ahead, and keep them as idle ones."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(self.timeout_keep_alive, self._late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget its timer."""
        self._watch(False)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what arrived, and refuse what is too much."""
        if self._part == "rest":
            return
        try:
            self._feed(data)
            self._check_size(len(data))
        except RefusedError as refused:
            self._refuse(refused)
            return
        if self._part != "none":
            self._watch(True)

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return  # an upgrade that is offered may be left alone (RFC 9110, 7.8): it was answered as HTTP/1.1
        except httptools.HttpParserError as error:
            reason = error.__context__
            raise (reason if isinstance(reason, RefusedError) else no_http()) from None

    def _check_size(self, read: int) -> None:
        if self._fresh:  # how much of this read is of this request is not known: it counts from the next one on
            self._fresh = False
            return
        self._bytes += read
        if self._part == "head" and self._bytes > HEAD:
            raise too_long(f"its head takes more than {HEAD >> 10} KiB")
        if self._part == "body" and self._bytes > WIRE:
            raise too_large()

    def on_message_begin(self) -> None:
        """A request begins, and with it its time; empty lines between two requests are none."""
        super().on_message_begin()
        self._unset_keepalive_if_required()
        self._watch(False)
        self._part, self._fresh = "head", True
        self._bytes = self._size = self._count = 0

    def on_url(self, url: bytes) -> None:
        """A piece of the address."""
        super().on_url(url)
        if len(self.url) > URL:
            raise too_long(f"its address takes more than {URL >> 10} KiB", 414)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or one that follows the chunks of a body."""
        self._count += 1
        self._size += len(name) + len(value) + len(b": \r\n")
        if self._count > HEADERS:
            raise too_long(f"it has more than {HEADERS} headers")
        if self._size > HEAD:
            raise too_long(f"its head takes more than {HEAD >> 10} KiB")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The application may begin, or the request waits for its turn."""
        if len(self.pipeline) >= PIPELINED:
            raise too_many()
        self._unset_keepalive_if_required()  # set where the answer before this request went out while it arrived
        super().on_headers_complete()
        self._part, self._bytes = "body", 0

    def on_message_complete(self) -> None:
        """The request is whole."""
        super().on_message_complete()
        self._part = "none"
        self._watch(False)

    def on_response_complete(self) -> None:
        """As uvicorn's, but nothing more is read while requests wait for their turn."""
        super().on_response_complete()
        if self.pipeline and not self.transport.is_closing():
            self.flow.pause_reading()

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing to say: a client that offers HTTP/2 is answered in HTTP/1.1."""

    def _watch(self, arriving: bool) -> None:
        """Limit the time in which a request arrives."""
        if arriving and self._timer is None:
            self._timer = self.loop.call_later(ARRIVAL, self._late)
        elif not arriving and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        if self._part == "none":
            self.transport.close()  # a connection that has not been used
        elif self._part != "rest":
            self._refuse(too_slow())

    def _refuse(self, refused: RefusedError) -> None:
        """Answer where the answer stands in its turn, read nothing more, and cut the connection."""
        self.refusal(refused.status, refused.problem.what)
        in_turn = self._is_its_turn()
        self._part = "rest"
        self._watch(False)
        if not in_turn:
            self.transport.close()
            return
        if self.cycle is not None and not self.cycle.response_complete:  # the application reads its body still
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write(_answer(refused))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._timer = self.loop.call_later(LINGER, self.transport.close)

    def _is_its_turn(self) -> bool:
        """Whether no earlier request of the connection waits for its answer, and this one has none yet."""
        if self.cycle is None or self.cycle.response_complete:
            return self._part != "body"  # a body that is still read of a request that has been answered: no second one
        return self._part == "body" and not self.pipeline and not self.cycle.response_started


def _answer(refused: RefusedError) -> bytes:
    """The whole response."""
    body = msgspec.json.encode(refused.problem)
    line = f"HTTP/1.1 {refused.status} {http.HTTPStatus(refused.status).phrase}"
    head = f"{line}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    return head.encode() + body
