"""The demo's gateway: a separate process, called over HTTP like any client would."""

import json
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
from pipelines.ports import base_url, find_free_port

READY_TIMEOUT_S: Final = 30.0
STOP_TIMEOUT_S: Final = 10.0
MAX_CONCURRENT_REQUESTS: Final = 8
HTTP_SUCCESS_CLASS: Final = 2  # status codes 2xx


@dataclass(frozen=True)
class GatewayProcess:
    """A running gateway. Its methods raise FreshetError for any response other than success."""

    url: str
    process: "subprocess.Popen[bytes]"
    client: httpx.Client
    log: Path

    def post(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Post events."""
        _require_success(self.client.post("/v1/events", json=list(events)))

    def recommend(self, **query: Any) -> dict[str, Any]:
        """Return the response to `user_id=…` or `session_id=…`."""
        body: dict[str, Any] = _require_success(self.client.get("/v1/recommendations", params=query)).json()
        return body

    def recommend_item_lists(self, requests: Sequence[Mapping[str, Any]]) -> list[list[str]]:
        """Return the recommended item ids of each request, in order; requests run concurrently."""
        parts = [requests[offset::MAX_CONCURRENT_REQUESTS] for offset in range(MAX_CONCURRENT_REQUESTS)]
        item_lists: list[list[str]] = [[] for _ in requests]
        with ThreadPoolExecutor(MAX_CONCURRENT_REQUESTS) as pool:
            for first, part in enumerate(pool.map(self._request_sequentially, parts)):
                item_lists[first::MAX_CONCURRENT_REQUESTS] = part
        return item_lists

    def _request_sequentially(self, requests: Sequence[Mapping[str, Any]]) -> list[list[str]]:
        """Send requests over one connection. Without httpx, whose overhead is as large as the gateway's latency."""
        connection = HTTPConnection(self.url.removeprefix("http://"), timeout=10)
        try:
            return [_request_items(connection, request) for request in requests]
        finally:
            connection.close()

    def serving_release(self) -> int | None:
        """Return the number of the active release; None before the gateway is ready."""
        try:
            response = self.client.get("/readyz")
        except httpx.TransportError:
            return None
        return response.json().get("release") if response.status_code == 200 else None

    def wait_for_release(self, release: int, timeout: float = READY_TIMEOUT_S) -> float:
        """Wait until a release is active; return the seconds. Raises FreshetError on a timeout or a dead process."""
        start = time.monotonic()
        while self.serving_release() != release:
            if self.process.poll() is not None or time.monotonic() - start > timeout:
                raise FreshetError("gateway", f"does not serve release {release}", f"see {self.log}")
            time.sleep(0.02)
        return time.monotonic() - start

    def stop(self) -> None:
        """Stop the gateway; it lands its events first."""
        self.client.close()
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def run_gateway(settings: Settings) -> Iterator[GatewayProcess]:
    """Run a gateway on the settings' port, or on any free one; stop it at the end."""
    port = find_free_port(settings.gateway_host, settings.gateway_port)
    log = settings.gateway_state_dir / "gateway.log"
    command = [sys.executable, "-m", "freshet.cli.main", "serve", "--host", settings.gateway_host, "--port", str(port)]
    with log.open("wb") as log_file:
        process = subprocess.Popen(command, stdout=log_file, stderr=log_file)
    url = base_url(settings.gateway_host, port)
    gateway = GatewayProcess(url, process, httpx.Client(base_url=url, timeout=10), log)
    try:
        yield gateway
    finally:
        gateway.stop()


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
