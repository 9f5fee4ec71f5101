"""What is measured of a running gateway: clicks, questions, events, swaps."""

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gateway_process import Running
from benchmarks.http_load import Connection, Load, Request, load
from benchmarks.random_bundle import release
from benchmarks.report import median, say
from freshet.store import Store

SHOPPERS = 500
SWAP_SECONDS = 120.0  # at most, each: a limit, not what is wanted


@dataclass(frozen=True)
class Shop:
    """A lake with one release, and what it sells."""

    store: Store
    files: Path  # of the bundle, to release again under another name
    items: list[str]

    def release(self, note: str) -> int:
        """Release the same model again as another bundle."""
        return release(self.store, self.files, note)


async def measured(shop: Shop, running: Running, seconds: float, clicks: int, swaps: int) -> dict[str, object]:
    """All figures of a running gateway. seconds: how long each load lasts."""
    async with Connection(running.address) as connection:
        say("clicks")
        clicked = await _clicks(shop, connection, clicks)
        await _post_for_shoppers(shop, connection)
    figures = {"click_ms": _milliseconds(clicked), **await _questions(running, seconds)}
    figures |= await _events(shop, running, seconds)
    say(f"{swaps} swaps under load")
    return {**figures, **await _swaps(shop, running, swaps), "rss_mib": round(running.resident())}


async def _questions(running: Running, seconds: float) -> dict[str, object]:
    say("questions, one at a time and many")
    alone = await load(running.address, 1, lambda spent: spent > seconds / 2, question)
    before = running.processor_seconds()
    busy = await load(running.address, 16, lambda spent: spent > seconds, question)
    each = 1000 * (running.processor_seconds() - before) / len(busy.milliseconds)
    return {
        "alone_ms": _milliseconds(alone),
        "recommendations_s": round(busy.a_second),
        "busy_ms": _milliseconds(busy),
        "processor_ms_a_recommendation": round(each, 2),
        "failed_questions": len(alone.failed) + len(busy.failed),
    }


async def _events(shop: Shop, running: Running, seconds: float) -> dict[str, object]:
    say("events, one a post and a hundred")
    single = await load(running.address, 32, lambda spent: spent > seconds, lambda n: event(shop, n))
    groups = await load(running.address, 8, lambda spent: spent > seconds, lambda n: _group(shop, n))
    return {
        "events_s": round(single.a_second),
        "event_ms": _milliseconds(single),
        "events_in_posts_of_100_s": round(100 * groups.a_second),
        "failed_posts": len(single.failed) + len(groups.failed),
    }


async def _clicks(shop: Shop, connection: Connection, clicks: int) -> Load:
    """A click of a shopper nobody knew, and the answer that follows it: together, as the shopper waits for them."""
    found = Load()
    for number in range(clicks):
        who = f"click-{number}"
        before = await connection.json("GET", f"/v1/recommendations?session_id={who}")
        begun = time.perf_counter()
        event = {"session_id": who, "item_id": shop.items[number % len(shop.items)], "event_type": "view"}
        await connection.json("POST", "/v1/events", event)
        after = await connection.json("GET", f"/v1/recommendations?session_id={who}")
        found.milliseconds.append(1000 * (time.perf_counter() - begun))
        if before["items"] == after["items"] or after["tier"] != "sequence":
            found.failed.append(f"the answer of {who} did not change")
    if found.failed:
        raise SystemExit(found.failed[0])
    return found


async def _post_for_shoppers(shop: Shop, connection: Connection) -> None:
    """Twenty events each."""
    for number in range(SHOPPERS):
        items = (shop.items[(37 * number + 101 * event) % len(shop.items)] for event in range(20))
        events = [{"user_id": f"u{number}", "item_id": item, "event_type": "view"} for item in items]
        await connection.json("POST", "/v1/events", events)


def events_for_shoppers(shop: Shop, address: str) -> None:
    """Twenty events each of those whom `question` asks for."""

    async def post() -> None:
        async with Connection(address) as connection:
            await _post_for_shoppers(shop, connection)

    asyncio.run(post())


def question(number: int) -> Request:
    return "GET", f"/v1/recommendations?user_id=u{number % SHOPPERS}&k=10", b""


def event(shop: Shop, number: int) -> Request:
    item = shop.items[number % len(shop.items)]
    return "POST", "/v1/events", json.dumps({"user_id": f"e{number}", "item_id": item, "event_type": "view"}).encode()


def _group(shop: Shop, number: int) -> Request:
    items = (shop.items[(number + place) % len(shop.items)] for place in range(100))
    events = [{"user_id": f"g{number}", "item_id": item, "event_type": "view", "price": 9.5} for item in items]
    return "POST", "/v1/events", json.dumps(events).encode()


async def _swaps(shop: Shop, running: Running, swaps: int) -> dict[str, object]:
    """Release after release while questions and clicks go on; every answer that is not 2xx counts as failed."""
    done = False
    make = [question, lambda n: event(shop, n)]
    loads = [asyncio.create_task(load(running.address, 4, lambda _: done, one)) for one in make]
    async with Connection(running.address) as connection:
        taken = [await _swap(shop, connection, str(number)) for number in range(1, swaps + 1)]
    done = True
    questions, events = [await one for one in loads]
    for text in (*questions.failed, *events.failed):
        say(text)
    return {
        "swaps": swaps,
        "swap_s": round(median(taken), 2),
        "requests_during_swaps": len(questions.milliseconds) + len(events.milliseconds),
        "failed_during_swaps": len(questions.failed) + len(events.failed),
        "during_swaps_ms": _milliseconds(questions),
    }


async def _swap(shop: Shop, connection: Connection, note: str) -> float:
    """Seconds from the journal's entry until it answers."""
    number, begun = await asyncio.to_thread(shop.release, note), time.perf_counter()
    while (await connection.json("GET", "/readyz"))["release"] != number:
        if time.perf_counter() - begun > SWAP_SECONDS:
            raise SystemExit(f"release {number} was not swapped in")
        await asyncio.sleep(0.02)
    return time.perf_counter() - begun


def _milliseconds(load: Load) -> dict[str, float]:
    return {"p50": round(load.quantile(0.5), 2), "p99": round(load.quantile(0.99), 2)}
