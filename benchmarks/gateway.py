"""The gateway under load: ready in, a click changes the answer in, requests and events a second, swaps under load.

    python -m benchmarks.gateway [--items 10000] [--lake LAKE] [--seconds 5] [--cores 0,1]

Serves a model of the default size that has learned nothing, or the bundle that is released in LAKE, from a lake of its
own. The load comes from this process; --cores keeps the gateway to some cores, so that it can have one for itself.
"""

import argparse
import asyncio
import json
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gateway_process import Running, gateway
from benchmarks.http_load import Connection, Load, Request, load
from benchmarks.installed import RUNTIME, base_dependencies, closure, size
from benchmarks.random_bundle import release, write
from benchmarks.report import finish, median, say
from freshet.live.bundle import VOCABULARY, load_vocabulary
from freshet.live.manifest import MANIFEST, Manifest
from freshet.live.released import current_release
from freshet.store import Store, open_store

STARTS, CLICKS, SWAPS, SHOPPERS = 5, 200, 20, 500
SWAP_SECONDS = 20.0  # at most, each


@dataclass(frozen=True)
class Shop:
    """A lake with one release, and what it sells."""

    store: Store
    files: Path  # of the bundle, to release again under another name
    history: int
    items: list[str]

    def release(self, note: str) -> int:
        """Release the same model again as another bundle."""
        return release(self.store, self.files, self.history, note)


def main() -> None:
    """Build, start, measure, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--lake", type=Path)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--cores", default="")
    asked = parser.parse_args()
    cores = {int(core) for core in asked.cores.split(",") if core}
    with tempfile.TemporaryDirectory() as temporary:
        shop = _shop(Path(temporary), asked.items, asked.lake)
        figures = _ready(shop, Path(temporary))
        with gateway(Path(shop.store.root), Path(temporary) / "state", cores) as running:
            running.wait_until_ready()
            figures |= asyncio.run(_measure(shop, running, asked.seconds))
    names = closure(base_dependencies(Path("pyproject.toml")))
    figures["installed_mb"] = round(sum(size(name) for name in names if name != RUNTIME) / 1e6, 1)
    finish(
        "gateway",
        {
            "items": len(shop.items),
            "gateway_cores": sorted(cores) or "all",
            "load_average": round(os.getloadavg()[0], 1),
            **figures,
        },
    )


def _shop(root: Path, items: int, lake: Path | None) -> Shop:
    say("a lake with one release")
    files, store = root / "bundle", open_store(str(root / "lake"))
    if lake is None:
        files.mkdir()
        length = write(files, items)
    else:
        found = current_release(open_store(str(lake)), root)
        if found is None:
            raise SystemExit(f"{lake}: nothing has been released there")
        shutil.copytree(found.bundle.folder, files)
        length = Manifest.model_validate_json((files / MANIFEST).read_bytes()).length
    shop = Shop(store, files, length, load_vocabulary(files / VOCABULARY).item_ids[1:].tolist())
    shop.release("0")
    return shop


def _ready(shop: Shop, root: Path) -> dict[str, object]:
    say(f"{STARTS} starts")
    seconds = []
    for number in range(STARTS):
        with gateway(Path(shop.store.root), root / f"state{number}") as running:
            seconds.append(running.wait_until_ready())
    return {"ready_s": round(median(seconds), 2), "ready_s_worst": round(max(seconds), 2)}


async def _measure(shop: Shop, running: Running, seconds: float) -> dict[str, object]:
    figures: dict[str, object] = {}
    async with Connection(running.address) as connection:
        say("clicks")
        figures["click_ms"] = _milliseconds(await _clicks(shop, connection))
        say("one question at a time")
        await _events_for_shoppers(shop, connection)
    alone = await load(running.address, 1, lambda spent: spent > seconds / 2, _question)
    figures["alone_ms"] = _milliseconds(alone)
    say("many at a time")
    before = running.processor_seconds()
    busy = await load(running.address, 16, lambda spent: spent > seconds, _question)
    each = 1000 * (running.processor_seconds() - before) / len(busy.milliseconds)
    figures |= {"recommendations_s": round(busy.a_second), "busy_ms": _milliseconds(busy)}
    figures["processor_ms_a_recommendation"] = round(each, 2)
    say("events")
    events = await load(running.address, 32, lambda spent: spent > seconds, lambda n: _event(shop, n))
    figures |= {"events_s": round(events.a_second), "event_ms": _milliseconds(events)}
    groups = await load(running.address, 8, lambda spent: spent > seconds, lambda n: _group(shop, n))
    figures["events_in_posts_of_100_s"] = round(100 * groups.a_second)
    say(f"{SWAPS} swaps under load")
    figures |= await _swaps(shop, running)
    failed = [alone.failed, busy.failed, events.failed, groups.failed]
    return {**figures, "failed": sum(map(len, failed)), "rss_mib": round(running.resident())}


async def _clicks(shop: Shop, connection: Connection) -> Load:
    """A click of a shopper nobody knew, and the answer that follows it: together, as the shopper waits for them."""
    found = Load()
    for number in range(CLICKS):
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


async def _events_for_shoppers(shop: Shop, connection: Connection) -> None:
    """Twenty events each."""
    for number in range(SHOPPERS):
        items = (shop.items[(37 * number + 101 * event) % len(shop.items)] for event in range(20))
        events = [{"user_id": f"u{number}", "item_id": item, "event_type": "view"} for item in items]
        await connection.json("POST", "/v1/events", events)


def _question(number: int) -> Request:
    return "GET", f"/v1/recommendations?user_id=u{number % SHOPPERS}&k=10", b""


def _event(shop: Shop, number: int) -> Request:
    item = shop.items[number % len(shop.items)]
    return "POST", "/v1/events", json.dumps({"user_id": f"e{number}", "item_id": item, "event_type": "view"}).encode()


def _group(shop: Shop, number: int) -> Request:
    items = (shop.items[(number + place) % len(shop.items)] for place in range(100))
    events = [{"user_id": f"g{number}", "item_id": item, "event_type": "view", "price": 9.5} for item in items]
    return "POST", "/v1/events", json.dumps(events).encode()


async def _swaps(shop: Shop, running: Running) -> dict[str, object]:
    """Release after release while questions and clicks go on; every answer that is not 2xx counts as failed."""
    done = False
    make = [_question, lambda n: _event(shop, n)]
    loads = [asyncio.create_task(load(running.address, 4, lambda _: done, one)) for one in make]
    taken = []
    async with Connection(running.address) as connection:
        for swap in range(1, SWAPS + 1):
            number, begun = await asyncio.to_thread(shop.release, str(swap)), time.perf_counter()
            while (await connection.json("GET", "/readyz"))["release"] != number:
                if time.perf_counter() - begun > SWAP_SECONDS:
                    raise SystemExit(f"release {number} was not swapped in")
                await asyncio.sleep(0.02)
            taken.append(time.perf_counter() - begun)
    done = True
    questions, events = [await one for one in loads]
    for text in (*questions.failed, *events.failed):
        say(text)
    return {
        "swaps": SWAPS,
        "swap_s": round(median(taken), 2),
        "requests_during_swaps": len(questions.milliseconds) + len(events.milliseconds),
        "failed_during_swaps": len(questions.failed) + len(events.failed),
        "during_swaps_ms": _milliseconds(questions),
    }


def _milliseconds(load: Load) -> dict[str, float]:
    return {"p50": round(load.quantile(0.5), 2), "p99": round(load.quantile(0.99), 2)}


if __name__ == "__main__":
    main()
