"""The gateway's tails: an open-loop client asks at a fixed rate, whether or not earlier questions were answered.

    python -m benchmarks.gateway_tails [--items 10000] [--rates 250,500,750,1000] [--seconds 20] [--rounds 3]
    python -m benchmarks.gateway_tails --against ../before      # another checkout, taking turns with this one

Nine of ten requests are questions, one is an event. The client is C (`open_loop.c`, compiled with cc), a process of its
own; a request's latency counts from when it was due. On a machine that does other things at the same time, compare what
took turns in one run, and processor time.
"""

import argparse
import json
import os
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import numpy as np

from benchmarks.gateway import shop_of
from benchmarks.gateway_measures import Shop, event, events_for_shoppers, question
from benchmarks.gateway_process import Running, gateway
from benchmarks.http_load import Request
from benchmarks.report import finish, say

SOURCE: Final = Path(__file__).with_name("open_loop.c")
CONNECTIONS: Final = 128
EVENT_EVERY: Final = 10  # requests, of which one is an event
REQUESTS: Final = 5000  # different ones
WARM_UP: Final = 2.0  # seconds of load before anything counts
HERE: Final = "this checkout"


@dataclass
class Tails:
    """What became of the requests of one side at one rate."""

    milliseconds: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)  # milliseconds that they left after they were due
    failed: int = 0
    processor: float = 0.0  # seconds of the gateway

    def figures(self) -> dict[str, object]:
        """Milliseconds, and processor milliseconds a request."""
        quantiles = np.quantile(self.milliseconds or [float("nan")], [0.5, 0.99, 0.999, 1]).round(2).tolist()
        named = dict(zip(("p50_ms", "p99_ms", "p999_ms", "worst_ms"), quantiles, strict=True))
        each = 1000 * self.processor / max(1, len(self.milliseconds))
        late = round(float(np.quantile(self.late or [0.0], 0.99)), 2)
        return {**named, "sent_late_p99_ms": late, "failed": self.failed, "processor_ms": round(each, 3)}


def main() -> None:
    """Start the gateways, ask them in turn, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--rates", default="250,500,750,1000")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--against", type=Path, action="append", default=[])
    arguments = parser.parse_args()
    rates = [int(rate) for rate in arguments.rates.split(",")]
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        root = Path(temporary)
        client, shop = _client(root), shop_of(root, arguments.items, None)
        checkouts = {HERE: None, **{str(path): path.absolute() for path in arguments.against}}
        sides = {
            name: stack.enter_context(gateway(Path(shop.store.root), root / f"state{place}", code=code))
            for place, (name, code) in enumerate(checkouts.items())
        }
        figures = _in_turns(client, root, shop, sides, rates, arguments.seconds, arguments.rounds)
    about = {"items": arguments.items, "seconds": arguments.seconds, "rounds": arguments.rounds}
    finish("gateway_tails", {**about, "load_average": os.getloadavg()[0], "sides": figures})


def _in_turns(
    client: Path, root: Path, shop: Shop, sides: dict[str, Running], rates: list[int], seconds: float, rounds: int
) -> dict[str, dict[str, dict[str, object]]]:
    """Side → rate → figures."""
    requests = root / "requests"
    requests.write_bytes(b"".join(_record(number, shop) for number in range(REQUESTS)))
    for running in sides.values():
        running.wait_until_ready()
        events_for_shoppers(shop, running.address)
        list(_requests(client, running, rates[0], WARM_UP, 0, requests))
    tails = {name: {rate: Tails() for rate in rates} for name in sides}
    for rate in rates:
        for round_ in range(rounds):
            for name, running in sides.items():
                _measure(tails[name][rate], _requests(client, running, rate, seconds, round_ + 1, requests), running)
        for name in sides:
            say(f"{rate:>6}/s  {name}: {json.dumps(tails[name][rate].figures())}")
    return {name: {str(rate): one.figures() for rate, one in of.items()} for name, of in tails.items()}


def _measure(tails: Tails, answers: Iterator[tuple[int, float, float]], running: Running) -> None:
    before = running.processor_seconds()
    for status, milliseconds, late in answers:
        if 200 <= status < 300:
            tails.milliseconds.append(milliseconds)
            tails.late.append(late)
        else:
            tails.failed += 1
    tails.processor += running.processor_seconds() - before


def _requests(
    client: Path, running: Running, rate: int, seconds: float, seed: int, requests: Path
) -> Iterator[tuple[int, float, float]]:
    """(status, milliseconds, milliseconds that it was sent late) of every request."""
    port = urlsplit(running.address).port
    arguments = [port, rate, seconds, CONNECTIONS, seed, requests]
    done = subprocess.run(
        [client, *map(str, arguments)], capture_output=True, text=True, check=True, timeout=seconds + 60
    )
    for line in done.stdout.splitlines():
        _, status, milliseconds, late = line.split()
        yield int(status), float(milliseconds), float(late)


def _record(number: int, shop: Shop) -> bytes:
    """A request as the client reads it."""
    kind = int(number % EVENT_EVERY == 0)
    text = _text(event(shop, number) if kind else question(number))
    return struct.pack("=ii", kind, len(text)) + text


def _text(request: Request) -> bytes:
    method, path, body = request
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def _client(root: Path) -> Path:
    """The client, compiled."""
    built = root / "open_loop"
    try:
        subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-o", built, SOURCE, "-lm"], check=True)
    except FileNotFoundError:
        raise SystemExit("benchmarks.gateway_tails: there is no C compiler; install gcc or clang as `cc`") from None
    return built


if __name__ == "__main__":
    main()
