"""A small HTTP/1.1 client over keep-alive connections, cheap enough not to distort a measurement."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

REQUEST_TIMEOUT_S = 30.0  # seconds that one request may take
Request = tuple[str, str, bytes]  # method, path, body


@dataclass
class LoadResult:
    """Latencies and failures of many requests."""

    seconds: float = 0.0
    milliseconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)  # status and body of responses that are not 2xx

    @property
    def per_second(self) -> float:
        """Requests answered with 2xx per second."""
        return len(self.milliseconds) / self.seconds

    def quantile(self, q: float) -> float:
        """A quantile of the latency, in milliseconds."""
        ordered = sorted(self.milliseconds)
        return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


class Connection:
    """A keep-alive connection to `http://host:port`."""

    def __init__(self, address: str) -> None:
        self._url = urlsplit(address)

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self._url.hostname, self._url.port)
        return self

    async def __aexit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._writer.close()

    async def request(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """(status, body). Raises TimeoutError after REQUEST_TIMEOUT_S."""
        async with asyncio.timeout(REQUEST_TIMEOUT_S):
            return await self._request(method, path, body)

    async def _request(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)
        lines = (await self._reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        size = next(int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length"))
        return int(lines[0].split()[1]), await self._reader.readexactly(size)

    async def json(self, method: str, path: str, body: object = None) -> Any:
        """The decoded response. Raises RuntimeError if it is not 2xx."""
        status, answer = await self.request(method, path, b"" if body is None else json.dumps(body).encode())
        if not 200 <= status < 300:
            raise RuntimeError(f"{method} {path}: {status} {answer[:200]!r}")
        return json.loads(answer)


async def run_load(
    address: str, connections: int, is_done: Callable[[float], bool], make_request: Callable[[int], Request]
) -> LoadResult:
    """Send requests over so many connections, one after the other on each, until `is_done(seconds since the start)`."""
    load_result, start = LoadResult(), time.perf_counter()

    async def connect(number: int) -> None:
        async with Connection(address) as connection:
            while not is_done(time.perf_counter() - start):
                request_start = time.perf_counter()
                status, body = await connection.request(*make_request(number))
                if 200 <= status < 300:
                    load_result.milliseconds.append(1000 * (time.perf_counter() - request_start))
                else:
                    load_result.failures.append(f"{status} {body[:200]!r}")
                number += connections

    outcomes = await asyncio.gather(*(connect(number) for number in range(connections)), return_exceptions=True)
    load_result.failures += [repr(result) for result in outcomes if isinstance(result, BaseException)]
    load_result.seconds = time.perf_counter() - start
    return load_result
