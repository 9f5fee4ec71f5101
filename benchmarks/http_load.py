"""A small HTTP/1.1 client over kept-alive connections, cheap enough not to be what is measured."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

LIMIT = 30.0  # seconds that one request may take
Request = tuple[str, str, bytes]  # method, path, body


@dataclass
class Load:
    """What became of many requests."""

    seconds: float = 0.0
    milliseconds: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)  # status and body of what was not answered with 2xx

    @property
    def a_second(self) -> float:
        """Answered requests."""
        return len(self.milliseconds) / self.seconds

    def quantile(self, share: float) -> float:
        """Milliseconds."""
        ordered = sorted(self.milliseconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Connection:
    """One kept-alive connection to `http://host:port`."""

    def __init__(self, address: str) -> None:
        self._url = urlsplit(address)

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self._url.hostname, self._url.port)
        return self

    async def __aexit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._writer.close()

    async def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """(status, body). Raises TimeoutError after LIMIT seconds."""
        async with asyncio.timeout(LIMIT):
            return await self._ask(method, path, body)

    async def _ask(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)
        lines = (await self._reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        size = next(int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length"))
        return int(lines[0].split()[1]), await self._reader.readexactly(size)

    async def json(self, method: str, path: str, body: object = None) -> Any:
        """The answer, which must be 2xx."""
        status, answer = await self.ask(method, path, b"" if body is None else json.dumps(body).encode())
        if not 200 <= status < 300:
            raise RuntimeError(f"{method} {path}: {status} {answer[:200]!r}")
        return json.loads(answer)


async def load(address: str, connections: int, until: Callable[[float], bool], make: Callable[[int], Request]) -> Load:
    """So many connections, each asking one thing after the other until `until(seconds since begin)`."""
    found, begun = Load(), time.perf_counter()

    async def one(number: int) -> None:
        async with Connection(address) as connection:
            while not until(time.perf_counter() - begun):
                asked = time.perf_counter()
                status, body = await connection.ask(*make(number))
                if 200 <= status < 300:
                    found.milliseconds.append(1000 * (time.perf_counter() - asked))
                else:
                    found.failed.append(f"{status} {body[:200]!r}")
                number += connections

    results = await asyncio.gather(*(one(number) for number in range(connections)), return_exceptions=True)
    found.failed += [repr(result) for result in results if isinstance(result, BaseException)]
    found.seconds = time.perf_counter() - begun
    return found
