"""A gateway process on raw sockets: requests over a limit are rejected at once, and other clients are served."""

import contextlib
import json
import socket
import threading
import time
import urllib.request

import pytest
import uvicorn

from freshet.serving.http import protocol
from tests.tiny_gateway import gateway_process, wait_for

REQUEST_HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    with gateway_process(tmp_path_factory.mktemp("gateway")) as (_, url):
        wait_for(lambda: is_alive(url))
        yield int(url.rpartition(":")[2])


def is_alive(url):
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/healthz", timeout=5) as response:
        return response.status == 200


def connect(port):
    return contextlib.closing(socket.create_connection(("127.0.0.1", port), timeout=30))


def read_response(connection):
    """Return (status, body) of the next response; None if the connection ends without one."""
    file = connection.makefile("rb")
    line = file.readline()
    if not line:
        return None
    headers = dict(iter(lambda: tuple(file.readline().strip().lower().partition(b":")[::2]), (b"", b"")))
    return int(line.split()[1]), file.read(int(headers.get(b"content-length", 0)))


def send_request(port, *chunks):
    """Send a request in chunks; return its response. The gateway may close the connection before all are sent."""
    with connect(port) as connection:
        with contextlib.suppress(OSError):
            for piece in chunks:
                connection.sendall(piece)
        return read_response(connection)


def error_text(answer):
    status, body = answer
    return status, json.loads(body)["what"]


class OtherClients:
    """Another client that sends requests all the time. longest: its longest response time, seconds."""

    def __init__(self, port):
        self._port, self._ended = port, threading.Event()
        self.longest, self.n_responses = 0.0, 0
        self._thread = threading.Thread(target=self._send_requests)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()

    def _send_requests(self):
        while not self._ended.is_set():
            request_start = time.monotonic()
            assert send_request(self._port, REQUEST_HEAD + b"\r\n")[0] == 200
            self.longest, self.n_responses = max(self.longest, time.monotonic() - request_start), self.n_responses + 1


def test_an_endless_header_is_rejected_and_other_clients_are_served(port):
    with OtherClients(port) as others:
        response = send_request(port, REQUEST_HEAD + b"X: ", *[b"y" * 65536] * 700)
        n_before = others.n_responses
        wait_for(lambda: others.n_responses > n_before + 2)
    assert error_text(response) == (431, "its head takes more than 32 KiB")
    assert others.n_responses > 2


def test_a_head_is_read_up_to_its_limit(port):
    room = protocol.MAX_HEAD_BYTES - len(b"Host: x\r\nX: \r\n")
    assert send_request(port, REQUEST_HEAD + b"X: " + b"y" * room + b"\r\n\r\n")[0] == 200
    assert error_text(send_request(port, REQUEST_HEAD + b"X: " + b"y" * (room + 1) + b"\r\n\r\n"))[0] == 431


def test_too_many_headers_are_refused(port):
    headers = b"".join(b"X%d: y\r\n" % number for number in range(protocol.MAX_HEADERS - 1))
    assert send_request(port, REQUEST_HEAD + headers + b"\r\n")[0] == 200
    assert error_text(send_request(port, REQUEST_HEAD + headers + b"One: more\r\n\r\n")) == (
        431,
        "it has more than 100 headers",
    )


def test_an_endless_address_is_rejected(port):
    response = send_request(port, b"GET /v1/recommendations?items=", *[b"y" * 65536] * 100)
    assert error_text(response) == (414, "its address takes more than 16 KiB")


def test_endless_chunk_extensions_are_rejected(port):
    head = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    response = send_request(port, head + b"1;", *[b"y" * 65536] * 200)
    assert error_text(response) == (413, "its body takes more than 4 MiB")


def test_a_body_in_chunks_of_one_byte_is_read(port):
    event = json.dumps({"user_id": "u", "item_id": "a", "event_type": "view"}).encode()
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in event)
    head = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert send_request(port, head + chunks + b"0\r\n\r\n")[0] == 202


def test_pipelined_requests_are_answered_in_order(port):
    with connect(port) as connection:
        connection.sendall(
            b"GET /nope HTTP/1.1\r\nHost: x\r\n\r\n"
            + REQUEST_HEAD
            + b"\r\n"
            + REQUEST_HEAD
            + b"Connection: close\r\n\r\n"
        )
        responses = b"".join(iter(lambda: receive(connection), b""))
    assert [part[:3] for part in responses.split(b"HTTP/1.1 ")[1:]] == [b"404", b"200", b"200"]


def test_the_number_of_pipelined_requests_is_limited(port):
    with connect(port) as connection:
        connection.sendall((REQUEST_HEAD + b"\r\n") * (protocol.MAX_PIPELINED_REQUESTS + 50))
        responses = b"".join(iter(lambda: receive(connection), b""))
    assert responses.count(b"HTTP/1.1 200") <= protocol.MAX_PIPELINED_REQUESTS


def receive(connection):
    try:
        return connection.recv(65536)
    except ConnectionResetError:
        return b""


@contextlib.contextmanager
def run_impatient_server(monkeypatch, rejections, arrival=0.3, idle=0.3):
    """Run a server in this process with short timeouts; its application reads the request bodies."""

    async def app(scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    monkeypatch.setattr(protocol, "REQUEST_TIMEOUT_S", arrival)
    bounded = protocol.bounded_protocol(lambda status, what: rejections.append((status, what)))
    config = uvicorn.Config(app, http=bounded, lifespan="off", log_config=None, timeout_keep_alive=idle)
    server = uvicorn.Server(config)
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


@pytest.mark.parametrize(
    "begin", [b"GET / HT", REQUEST_HEAD, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"]
)
def test_an_incomplete_request_times_out(monkeypatch, begin):
    rejections = []
    with run_impatient_server(monkeypatch, rejections) as port:
        assert send_request(port, begin)[0] == 408
        assert send_request(port) is None  # a connection without a request
        assert send_request(port, REQUEST_HEAD + b"\r\n")[0] == 204
    assert [status for status, _ in rejections] == [408]


def test_the_request_timeout_starts_with_the_request(monkeypatch):
    rejections = []
    with run_impatient_server(monkeypatch, rejections, arrival=1.0, idle=30) as port, connect(port) as connection:
        for _ in range(2):  # the second time on a used connection
            time.sleep(0.7)
            connection.sendall(REQUEST_HEAD)
            time.sleep(0.6)
            connection.sendall(b"\r\n")
            assert read_response(connection)[0] == 204
    assert rejections == []


def test_an_unused_connection_stays_as_long_as_an_idle_one(monkeypatch):
    with run_impatient_server(monkeypatch, [], arrival=0.2, idle=30) as port, connect(port) as connection:
        time.sleep(0.6)
        connection.sendall(REQUEST_HEAD + b"\r\n")
        assert read_response(connection)[0] == 204


def test_empty_lines_do_not_keep_a_connection_open(monkeypatch):
    for begin in (b"", REQUEST_HEAD + b"\r\n"):
        with run_impatient_server(monkeypatch, []) as port, connect(port) as connection:
            connection.sendall(begin)
            assert not begin or read_response(connection)[0] == 204
            connection.settimeout(10)
            connection.sendall(b"\r\n")
            assert receive(connection) == b""


def test_a_client_that_offers_http_2_gets_http_1(port):
    offer = (
        REQUEST_HEAD
        + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
    )
    with connect(port) as connection:
        for request in (offer, REQUEST_HEAD + b"\r\n"):
            connection.sendall(request)
            assert read_response(connection)[0] == 200


def test_bytes_that_are_not_http_get_a_json_error_and_are_logged_once_a_minute(tmp_path):
    with gateway_process(tmp_path) as (gateway, url):
        port = int(url.rpartition(":")[2])
        wait_for(lambda: is_alive(url))
        for _ in range(50):
            assert error_text(send_request(port, b"\x16\x03\x01rubbish\r\n\r\n")) == (400, "it is not HTTP/1.1")
        with urllib.request.urlopen(f"{url}/metrics") as page:
            assert 'freshet_requests_total{route="unread",status="400"} 50.0' in page.read().decode()
        gateway.terminate()
        log = gateway.communicate(timeout=60)[1]
    assert log.count("requests rejected unread: 1 × 400: it is not HTTP/1.1") == 1
    assert log.count("requests rejected unread: 49 × 400: it is not HTTP/1.1") == 1
    assert log.count("HTTP") == 2
