"""The gateway under load: start-up, click-to-list latency, requests and events per second, bundle swaps under load.

    python -m benchmarks.gateway [--items 10000] [--lake LAKE] [--seconds 5] [--cores 0,1] [--swaps 20]

The gateway serves a random model of the default size, or the released bundle of LAKE, from a lake of its own. The load
comes from this process; --cores limits the gateway to some cores, for example to have one for itself.
"""

import argparse
import asyncio
import os
import shutil
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.arguments import parse_ints
from benchmarks.gateway_load import BenchmarkShop, measure_gateway
from benchmarks.gateway_process import run_gateway
from benchmarks.installed_size import RUNTIME_PACKAGE, base_dependencies, dependency_closure, package_bytes
from benchmarks.random_bundle import write_bundle
from benchmarks.report import print_progress, print_result
from freshet.inference.bundle import VOCABULARY_FILE, load_vocabulary
from freshet.releases.current import current_release
from freshet.store import open_store


def main() -> None:
    """Build a lake, start gateways, measure, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--lake", type=Path)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--cores", type=parse_ints, default=[])
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--clicks", type=int, default=200)
    parser.add_argument("--swaps", type=int, default=20)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        shop = build_shop(Path(temporary), args.items, args.lake)
        figures = _startup_times(shop, Path(temporary), args.starts)
        with run_gateway(Path(shop.store.root), Path(temporary) / "state", set(args.cores)) as running:
            running.wait_until_ready()
            figures |= asyncio.run(measure_gateway(shop, running, args.seconds, args.clicks, args.swaps))
    settings = {
        "items": len(shop.items),
        "gateway_cores": sorted(args.cores) or "all",
        "load_average": os.getloadavg()[0],
    }
    print_result("gateway", {**settings, **figures, "installed_mb": _installed_mb()})


def _installed_mb() -> float:
    names = dependency_closure(base_dependencies(Path("pyproject.toml")))
    return round(sum(package_bytes(name) for name in names if name != RUNTIME_PACKAGE) / 1e6, 1)


def build_shop(root: Path, items: int, lake: Path | None) -> BenchmarkShop:
    """A lake with one release, of a random model or of the released bundle in `lake`."""
    print_progress("a lake with one release")
    bundle_folder, store = root / "bundle", open_store(str(root / "lake"))
    if lake is None:
        bundle_folder.mkdir()
        write_bundle(bundle_folder, items)
    else:
        released_bundle = current_release(open_store(str(lake)), root)
        if released_bundle is None:
            raise SystemExit(f"{lake}: nothing has been released there")
        shutil.copytree(released_bundle.bundle.folder, bundle_folder)
    shop = BenchmarkShop(store, bundle_folder, load_vocabulary(bundle_folder / VOCABULARY_FILE).item_ids[1:].tolist())
    shop.release("0")
    return shop


def _startup_times(shop: BenchmarkShop, root: Path, starts: int) -> dict[str, object]:
    print_progress(f"{starts} starts")
    startup_s = []
    for number in range(starts):
        with run_gateway(Path(shop.store.root), root / f"state{number}") as running:
            startup_s.append(running.wait_until_ready())
    return {"ready_s": round(median(startup_s), 2), "ready_s_worst": round(max(startup_s), 2)}


if __name__ == "__main__":
    main()
