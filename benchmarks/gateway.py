"""The gateway under load: ready in, a click changes the answer in, requests and events a second, swaps under load.

    python -m benchmarks.gateway [--items 10000] [--lake LAKE] [--seconds 5] [--cores 0,1] [--swaps 20]

Serves a model of the default size that has learned nothing, or the bundle that is released in LAKE, from a lake of its
own. The load comes from this process; --cores keeps the gateway to some cores, so that it can have one for itself.
"""

import argparse
import asyncio
import os
import shutil
import tempfile
from pathlib import Path

from benchmarks.gateway_measures import Shop, measured
from benchmarks.gateway_process import gateway
from benchmarks.installed import RUNTIME, base_dependencies, closure, size
from benchmarks.random_bundle import write
from benchmarks.report import finish, median, say
from freshet.live.bundle import VOCABULARY, load_vocabulary
from freshet.live.released import current_release
from freshet.store import open_store


def main() -> None:
    """Build, start, measure, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--lake", type=Path)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--cores", default="")
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--clicks", type=int, default=200)
    parser.add_argument("--swaps", type=int, default=20)
    asked = parser.parse_args()
    cores = {int(core) for core in asked.cores.split(",") if core}
    with tempfile.TemporaryDirectory() as temporary:
        shop = shop_of(Path(temporary), asked.items, asked.lake)
        figures = _ready(shop, Path(temporary), asked.starts)
        with gateway(Path(shop.store.root), Path(temporary) / "state", cores) as running:
            running.wait_until_ready()
            figures |= asyncio.run(measured(shop, running, asked.seconds, asked.clicks, asked.swaps))
    about = {"items": len(shop.items), "gateway_cores": sorted(cores) or "all", "load_average": os.getloadavg()[0]}
    finish("gateway", {**about, **figures, "installed_mb": _installed()})


def _installed() -> float:
    names = closure(base_dependencies(Path("pyproject.toml")))
    return round(sum(size(name) for name in names if name != RUNTIME) / 1e6, 1)


def shop_of(root: Path, items: int, lake: Path | None) -> Shop:
    """A lake with one release: of a model that has learned nothing, or the one that is released in `lake`."""
    say("a lake with one release")
    files, store = root / "bundle", open_store(str(root / "lake"))
    if lake is None:
        files.mkdir()
        write(files, items)
    else:
        found = current_release(open_store(str(lake)), root)
        if found is None:
            raise SystemExit(f"{lake}: nothing has been released there")
        shutil.copytree(found.bundle.folder, files)
    shop = Shop(store, files, load_vocabulary(files / VOCABULARY).item_ids[1:].tolist())
    shop.release("0")
    return shop


def _ready(shop: Shop, root: Path, starts: int) -> dict[str, object]:
    say(f"{starts} starts")
    seconds = []
    for number in range(starts):
        with gateway(Path(shop.store.root), root / f"state{number}") as running:
            seconds.append(running.wait_until_ready())
    return {"ready_s": round(median(seconds), 2), "ready_s_worst": round(max(seconds), 2)}


if __name__ == "__main__":
    main()
