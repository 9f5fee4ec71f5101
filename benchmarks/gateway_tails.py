"""Tail latencies of the gateway: an open-loop client sends requests at a fixed rate, answered or not.

    python -m benchmarks.gateway_tails [--items 10000] [--rates 250,500,750,1000] [--seconds 20] [--rounds 3]
    python -m benchmarks.gateway_tails --against ../before      # another checkout, in turns with this one

Nine of ten requests ask for recommendations, one posts an event. The client is a C program (`open_loop.c`, compiled
with cc) in its own process; latency counts from the time at which a request was due. On a busy machine, compare
checkouts that took turns in one run, and processor time.
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

from benchmarks.arguments import parse_ints
from benchmarks.gateway import build_shop
from benchmarks.gateway_load import BenchmarkShop, event_request, post_histories, recommendation_request
from benchmarks.gateway_process import GatewayProcess, run_gateway
from benchmarks.http_load import Request
from benchmarks.report import print_progress, print_result

CLIENT_SOURCE: Final = Path(__file__).with_name("open_loop.c")
N_CONNECTIONS: Final = 128
EVENT_INTERVAL: Final = 10  # every so many requests one posts an event
N_REQUESTS: Final = 5000  # distinct requests
WARM_UP_S: Final = 2.0
THIS_CHECKOUT: Final = "this checkout"


@dataclass
class TailLatencies:
    """Results of the requests to one checkout's gateway at one rate."""

    milliseconds: list[float] = field(default_factory=list)
    sent_late_ms: list[float] = field(default_factory=list)  # from due to sent
    failed: int = 0
    cpu_s: float = 0.0  # processor time of the gateway

    def figures(self) -> dict[str, object]:
        """Quantiles of the latency, and processor milliseconds per request."""
        quantiles = np.quantile(self.milliseconds or [float("nan")], [0.5, 0.99, 0.999, 1]).round(2).tolist()
        quantile_ms = dict(zip(("p50_ms", "p99_ms", "p999_ms", "worst_ms"), quantiles, strict=True))
        cpu_ms = 1000 * self.cpu_s / max(1, len(self.milliseconds))
        late_p99_ms = round(float(np.quantile(self.sent_late_ms or [0.0], 0.99)), 2)
        return {**quantile_ms, "sent_late_p99_ms": late_p99_ms, "failed": self.failed, "processor_ms": round(cpu_ms, 3)}


@dataclass(frozen=True)
class RateLoad:
    """The load at several rates. client: the compiled C program; requests: the file it reads them from."""

    client: Path
    requests: Path
    rates: tuple[int, ...]  # requests per second
    seconds: float
    rounds: int

    def send(self, running: GatewayProcess, rate: int, seconds: float, seed: int) -> Iterator[tuple[int, float, float]]:
        """(status, milliseconds, milliseconds that it was sent late) of every request."""
        arguments = [urlsplit(running.address).port, rate, seconds, N_CONNECTIONS, seed, self.requests]
        completed_process = subprocess.run(
            [self.client, *map(str, arguments)], capture_output=True, text=True, check=True, timeout=seconds + 60
        )
        for line in completed_process.stdout.splitlines():
            _, status, milliseconds, late_ms = line.split()
            yield int(status), float(milliseconds), float(late_ms)


def main() -> None:
    """Start the gateways, measure them in turns, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--rates", type=parse_ints, default=[250, 500, 750, 1000], help="requests per second")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--against", type=Path, action="append", default=[])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        root = Path(temporary)
        client, shop = _compile_client(root), build_shop(root, args.items, None)
        checkouts = {THIS_CHECKOUT: None, **{str(path): path.absolute() for path in args.against}}
        gateways = {
            name: stack.enter_context(run_gateway(Path(shop.store.root), root / f"state{index}", checkout=code))
            for index, (name, code) in enumerate(checkouts.items())
        }
        load = RateLoad(client, root / "requests", tuple(args.rates), args.seconds, args.rounds)
        figures = _measure_in_turns(load, shop, gateways)
    settings = {"items": args.items, "seconds": args.seconds, "rounds": args.rounds}
    print_result("gateway_tails", {**settings, "load_average": os.getloadavg()[0], "checkouts": figures})


def _measure_in_turns(
    load: RateLoad, shop: BenchmarkShop, gateways: dict[str, GatewayProcess]
) -> dict[str, dict[str, dict[str, object]]]:
    """Checkout → rate → figures."""
    load.requests.write_bytes(b"".join(_request_record(number, shop) for number in range(N_REQUESTS)))
    for running in gateways.values():
        running.wait_until_ready()
        post_histories(shop, running.address)
        list(load.send(running, load.rates[0], WARM_UP_S, seed=0))
    tails = {name: {rate: TailLatencies() for rate in load.rates} for name in gateways}
    for rate in load.rates:
        for round_number in range(1, load.rounds + 1):
            for name, running in gateways.items():
                _measure(tails[name][rate], load.send(running, rate, load.seconds, seed=round_number), running)
        for name in gateways:
            print_progress(f"{rate:>6}/s  {name}: {json.dumps(tails[name][rate].figures())}")
    return {
        name: {str(rate): tail.figures() for rate, tail in tails_by_rate.items()}
        for name, tails_by_rate in tails.items()
    }


def _measure(tails: TailLatencies, responses: Iterator[tuple[int, float, float]], running: GatewayProcess) -> None:
    cpu_before = running.cpu_seconds()
    for status, milliseconds, late_ms in responses:
        if 200 <= status < 300:
            tails.milliseconds.append(milliseconds)
            tails.sent_late_ms.append(late_ms)
        else:
            tails.failed += 1
    tails.cpu_s += running.cpu_seconds() - cpu_before


def _request_record(number: int, shop: BenchmarkShop) -> bytes:
    """A request in the client's file format."""
    kind = int(number % EVENT_INTERVAL == 0)
    text = _http_text(event_request(shop, number) if kind else recommendation_request(number))
    return struct.pack("=ii", kind, len(text)) + text


def _http_text(request: Request) -> bytes:
    method, path, body = request
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def _compile_client(root: Path) -> Path:
    """Compile the client; returns its path."""
    binary = root / "open_loop"
    try:
        subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-o", binary, CLIENT_SOURCE, "-lm"], check=True)
    except FileNotFoundError:
        raise SystemExit("benchmarks.gateway_tails: there is no C compiler; install gcc or clang as `cc`") from None
    return binary


if __name__ == "__main__":
    main()
