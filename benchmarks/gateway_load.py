"""Loads on a running gateway and their figures: clicks, recommendations, events, bundle swaps."""

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.gateway_process import GatewayProcess
from benchmarks.http_load import Connection, LoadResult, Request, run_load
from benchmarks.random_bundle import release_copy
from benchmarks.report import print_progress
from freshet.store import Store

N_SHOPPERS = 500
SWAP_TIMEOUT_S = 120.0  # for each swap; far above the target


@dataclass(frozen=True)
class BenchmarkShop:
    """A lake with one release, and its item ids."""

    store: Store
    bundle_folder: Path  # the bundle's files, to release again under another id
    items: list[str]

    def release(self, note: str) -> int:
        """Release the same model as another bundle; returns the release's number."""
        return release_copy(self.store, self.bundle_folder, note)


async def measure_gateway(
    shop: BenchmarkShop, running: GatewayProcess, seconds: float, clicks: int, swaps: int
) -> dict[str, object]:
    """All figures of a running gateway. seconds: duration of each load."""
    async with Connection(running.address) as connection:
        print_progress("clicks")
        click_load = await _measure_clicks(shop, connection, clicks)
        await _post_histories(shop, connection)
    figures = {"click_ms": _latency_quantiles(click_load), **await _measure_recommendations(running, seconds)}
    figures |= await _measure_events(shop, running, seconds)
    print_progress(f"{swaps} swaps under load")
    return {**figures, **await _measure_swaps(shop, running, swaps), "rss_mib": round(running.resident_mib())}


async def _measure_recommendations(running: GatewayProcess, seconds: float) -> dict[str, object]:
    print_progress("recommendations, one at a time and many")
    sequential = await run_load(running.address, 1, lambda spent: spent > seconds / 2, recommendation_request)
    cpu_before = running.cpu_seconds()
    concurrent = await run_load(running.address, 16, lambda spent: spent > seconds, recommendation_request)
    cpu_ms = 1000 * (running.cpu_seconds() - cpu_before) / len(concurrent.milliseconds)
    return {
        "alone_ms": _latency_quantiles(sequential),
        "recommendations_s": round(concurrent.per_second),
        "busy_ms": _latency_quantiles(concurrent),
        "processor_ms_a_recommendation": round(cpu_ms, 2),
        "failed_recommendations": len(sequential.failures) + len(concurrent.failures),
    }


async def _measure_events(shop: BenchmarkShop, running: GatewayProcess, seconds: float) -> dict[str, object]:
    print_progress("events, one per post and a hundred per post")
    single_posts = await run_load(running.address, 32, lambda spent: spent > seconds, lambda n: event_request(shop, n))
    batch_posts = await run_load(
        running.address, 8, lambda spent: spent > seconds, lambda n: event_batch_request(shop, n)
    )
    return {
        "events_s": round(single_posts.per_second),
        "event_ms": _latency_quantiles(single_posts),
        "events_in_posts_of_100_s": round(100 * batch_posts.per_second),
        "failed_posts": len(single_posts.failures) + len(batch_posts.failures),
    }


async def _measure_clicks(shop: BenchmarkShop, connection: Connection, clicks: int) -> LoadResult:
    """Milliseconds of a new shopper's click and of the recommendations after it, together."""
    clicks_load = LoadResult()
    for number in range(clicks):
        session_id = f"click-{number}"
        before = await connection.json("GET", f"/v1/recommendations?session_id={session_id}")
        start = time.perf_counter()
        event = {"session_id": session_id, "item_id": shop.items[number % len(shop.items)], "event_type": "view"}
        await connection.json("POST", "/v1/events", event)
        after = await connection.json("GET", f"/v1/recommendations?session_id={session_id}")
        clicks_load.milliseconds.append(1000 * (time.perf_counter() - start))
        if before["items"] == after["items"] or after["tier"] != "sequence":
            clicks_load.failures.append(f"the list of {session_id} did not change")
    if clicks_load.failures:
        raise SystemExit(clicks_load.failures[0])
    return clicks_load


async def _post_histories(shop: BenchmarkShop, connection: Connection) -> None:
    """Post twenty events of every shopper of `recommendation_request`."""
    for number in range(N_SHOPPERS):
        items = (shop.items[(37 * number + 101 * event) % len(shop.items)] for event in range(20))
        events = [{"user_id": f"u{number}", "item_id": item, "event_type": "view"} for item in items]
        await connection.json("POST", "/v1/events", events)


def post_histories(shop: BenchmarkShop, address: str) -> None:
    """Post twenty events of every shopper of `recommendation_request`."""

    async def post() -> None:
        async with Connection(address) as connection:
            await _post_histories(shop, connection)

    asyncio.run(post())


def recommendation_request(number: int) -> Request:
    """A request of ten recommendations for one of the shoppers."""
    return "GET", f"/v1/recommendations?user_id=u{number % N_SHOPPERS}&k=10", b""


def event_request(shop: BenchmarkShop, number: int) -> Request:
    """A post of one event."""
    item = shop.items[number % len(shop.items)]
    return "POST", "/v1/events", json.dumps({"user_id": f"e{number}", "item_id": item, "event_type": "view"}).encode()


def event_batch_request(shop: BenchmarkShop, number: int) -> Request:
    """A post of a hundred events."""
    items = (shop.items[(number + offset) % len(shop.items)] for offset in range(100))
    events = [{"user_id": f"g{number}", "item_id": item, "event_type": "view", "price": 9.5} for item in items]
    return "POST", "/v1/events", json.dumps(events).encode()


async def _measure_swaps(shop: BenchmarkShop, running: GatewayProcess, swaps: int) -> dict[str, object]:
    """Release bundle after bundle under load; a response that is not 2xx counts as failed."""
    is_done = False
    request_makers = [recommendation_request, lambda n: event_request(shop, n)]
    loads = [asyncio.create_task(run_load(running.address, 4, lambda _: is_done, one)) for one in request_makers]
    async with Connection(running.address) as connection:
        swap_s = [await _swap_release(shop, connection, str(number)) for number in range(1, swaps + 1)]
    is_done = True
    recommendations, events = [await one for one in loads]
    for text in (*recommendations.failures, *events.failures):
        print_progress(text)
    return {
        "swaps": swaps,
        "swap_s": round(median(swap_s), 2),
        "requests_during_swaps": len(recommendations.milliseconds) + len(events.milliseconds),
        "failed_during_swaps": len(recommendations.failures) + len(events.failures),
        "during_swaps_ms": _latency_quantiles(recommendations),
    }


async def _swap_release(shop: BenchmarkShop, connection: Connection, note: str) -> float:
    """Seconds from the journal entry until /readyz names the release."""
    number, start = await asyncio.to_thread(shop.release, note), time.perf_counter()
    while (await connection.json("GET", "/readyz"))["release"] != number:
        if time.perf_counter() - start > SWAP_TIMEOUT_S:
            raise SystemExit(f"release {number} was not swapped in")
        await asyncio.sleep(0.02)
    return time.perf_counter() - start


def _latency_quantiles(load: LoadResult) -> dict[str, float]:
    return {"p50": round(load.quantile(0.5), 2), "p99": round(load.quantile(0.99), 2)}
