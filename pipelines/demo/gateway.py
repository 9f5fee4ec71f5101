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

READY_WITHIN = 30.0  # seconds
STOPS_WITHIN = 10.0
AT_ONCE: Final = 8  # questions
SUCCESS: Final = 2  # hundred and some


@dataclass(frozen=True)
class Gateway:
    """A running gateway. Raises FreshetError where it answers with anything but success."""

    url: str
    process: "subprocess.Popen[bytes]"
    client: httpx.Client
    log: Path

    def post(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Events that somebody did just now."""
        _good(self.client.post("/v1/events", json=list(events)))

    def recommended(self, **who: Any) -> dict[str, Any]:
        """The answer to `user_id=…` or `session_id=…`."""
        found: dict[str, Any] = _good(self.client.get("/v1/recommendations", params=who)).json()
        return found

    def lists(self, questions: Sequence[Mapping[str, Any]]) -> list[list[str]]:
        """The item ids of the answer to each question, in order; some are asked at the same time."""
        parts = [questions[first::AT_ONCE] for first in range(AT_ONCE)]
        answers: list[list[str]] = [[] for _ in questions]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for first, part in enumerate(pool.map(self._one_after_the_other, parts)):
                answers[first::AT_ONCE] = part
        return answers

    def _one_after_the_other(self, questions: Sequence[Mapping[str, Any]]) -> list[list[str]]:
        """On a connection of their own, without httpx, which takes as long as the gateway itself."""
        connection = HTTPConnection(self.url.removeprefix("http://"), timeout=10)
        try:
            return [_items(connection, question) for question in questions]
        finally:
            connection.close()

    def release(self) -> int | None:
        """The number of the release that answers; None before it is ready."""
        try:
            state = self.client.get("/readyz")
        except httpx.TransportError:
            return None
        return state.json().get("release") if state.status_code == 200 else None

    def wait_for(self, release: int, within: float = READY_WITHIN) -> float:
        """Seconds until that release answers. Raises FreshetError when it takes too long or the process has ended."""
        begun = time.monotonic()
        while self.release() != release:
            if self.process.poll() is not None or time.monotonic() - begun > within:
                raise FreshetError("gateway", f"does not serve release {release}", f"look at {self.log}")
            time.sleep(0.02)
        return time.monotonic() - begun

    def stop(self) -> None:
        """End it in order: what it was told lands first."""
        self.client.close()
        self.process.terminate()
        try:
            self.process.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def running(settings: Settings) -> Iterator[Gateway]:
    """A gateway on the settings' port, or on any that is free; stopped at the end, whatever happens."""
    port = free_port(settings.gateway_host, settings.gateway_port)
    log = settings.state / "gateway.log"
    words = [sys.executable, "-m", "freshet.cli.main", "serve", "--host", settings.gateway_host, "--port", str(port)]
    with log.open("wb") as out:
        process = subprocess.Popen(words, stdout=out, stderr=out)
    url = f"http://{settings.gateway_host}:{port}"
    gateway = Gateway(url, process, httpx.Client(base_url=url, timeout=10), log)
    try:
        yield gateway
    finally:
        gateway.stop()


def free_port(host: str, wanted: int) -> int:
    """The wanted port where nobody listens on it, else any other."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise FreshetError(host, "no port is free", "set FRESHET_GATEWAY_HOST to an address of this machine")


def _items(connection: HTTPConnection, question: Mapping[str, Any]) -> list[str]:
    connection.request("POST", "/v1/recommendations", json.dumps(question), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    body = answer.read()
    if answer.status // 100 != SUCCESS:
        why = f"answered {answer.status}: {body[:300].decode(errors='replace')}"
        raise FreshetError("POST /v1/recommendations", why, "see the gateway's log")
    return [item["item_id"] for item in json.loads(body)["items"]]


def _good(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    raise FreshetError(str(answer.url), f"answered {answer.status_code}: {answer.text[:300]}", "see the gateway's log")
