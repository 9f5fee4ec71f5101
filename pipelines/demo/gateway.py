"""A gateway of the demo's own: a process beside it, spoken to by HTTP like any client would."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

import httpx

from freshet.errors import FreshetError
from freshet.settings import Settings

READY_TIMEOUT_S = 30.0  # seconds
STOP_TIMEOUT_S = 10.0
MAX_CONCURRENT_REQUESTS: Final = 8  # questions
HTTP_SUCCESS_CLASS: Final = 2  # hundred and some


@dataclass(frozen=True)
class GatewayProcess:
    """A running gateway. Raises FreshetError where it answers with anything but success."""

    url: str
    process: "subprocess.Popen[bytes]"
    client: httpx.Client
    log: Path

    def post(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Events that somebody did just now."""
        _require_success(self.client.post("/v1/events", json=list(events)))

    def recommend(self, **query: Any) -> dict[str, Any]:
        """The answer to `user_id=…` or `session_id=…`."""
        body: dict[str, Any] = _require_success(self.client.get("/v1/recommendations", params=query)).json()
        return body

    def recommend_item_lists(self, requests: Sequence[Mapping[str, Any]]) -> list[list[str]]:
        """The item ids of the answer to each question, in order; some are asked at the same time."""
        parts = [requests[offset::MAX_CONCURRENT_REQUESTS] for offset in range(MAX_CONCURRENT_REQUESTS)]
        item_lists: list[list[str]] = [[] for _ in requests]
        with ThreadPoolExecutor(MAX_CONCURRENT_REQUESTS) as pool:
            for first, part in enumerate(pool.map(self._request_sequentially, parts)):
                item_lists[first::MAX_CONCURRENT_REQUESTS] = part
        return item_lists

    def _request_sequentially(self, requests: Sequence[Mapping[str, Any]]) -> list[list[str]]:
        """On a connection of their own, without httpx, which takes as long as the gateway itself."""
        connection = HTTPConnection(self.url.removeprefix("http://"), timeout=10)
        try:
            return [_request_items(connection, request) for request in requests]
        finally:
            connection.close()

    def serving_release(self) -> int | None:
        """The number of the release that answers; None before it is ready."""
        try:
            response = self.client.get("/readyz")
        except httpx.TransportError:
            return None
        return response.json().get("release") if response.status_code == 200 else None

    def wait_for_release(self, release: int, timeout: float = READY_TIMEOUT_S) -> float:
        """Seconds until that release answers. Raises FreshetError when it takes too long or the process has ended."""
        start = time.monotonic()
        while self.serving_release() != release:
            if self.process.poll() is not None or time.monotonic() - start > timeout:
                raise FreshetError("gateway", f"does not serve release {release}", f"look at {self.log}")
            time.sleep(0.02)
        return time.monotonic() - start

    def stop(self) -> None:
        """End it in order: what it was told lands first."""
        self.client.close()
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def run_gateway(settings: Settings) -> Iterator[GatewayProcess]:
    """A gateway on the settings' port, or on any that is free; stopped at the end, whatever happens."""
    port = free_port(settings.gateway_host, settings.gateway_port)
    log = settings.gateway_state_dir / "gateway.log"
    command = [sys.executable, "-m", "freshet.cli.main", "serve", "--host", settings.gateway_host, "--port", str(port)]
    with log.open("wb") as log_file:
        process = subprocess.Popen(command, stdout=log_file, stderr=log_file)
    url = f"http://{settings.gateway_host}:{port}"
    gateway = GatewayProcess(url, process, httpx.Client(base_url=url, timeout=10), log)
    try:
        yield gateway
    finally:
        gateway.stop()


def free_port(host: str, preferred_port: int) -> int:
    """The wanted port where nobody listens on it, else any other."""
    for port in (preferred_port, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise FreshetError(host, "no port is free", "set FRESHET_GATEWAY_HOST to an address of this machine")


def _request_items(connection: HTTPConnection, request: Mapping[str, Any]) -> list[str]:
    connection.request("POST", "/v1/recommendations", json.dumps(request), {"Content-Type": "application/json"})
    response = connection.getresponse()
    body = response.read()
    if response.status // 100 != HTTP_SUCCESS_CLASS:
        message = f"answered {response.status}: {body[:300].decode(errors='replace')}"
        raise FreshetError("POST /v1/recommendations", message, "see the gateway's log")
    return [item["item_id"] for item in json.loads(body)["items"]]


def _require_success(response: httpx.Response) -> httpx.Response:
    if response.is_success:
        return response
    raise FreshetError(
        str(response.url), f"answered {response.status_code}: {response.text[:300]}", "see the gateway's log"
    )
