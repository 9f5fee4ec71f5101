"""How long a full garbage collection stops a gateway, before and after its heap is frozen.

    python -m benchmarks.gateway_pauses [--items 10000] [--times 9]

A gateway with a random model and its application in this process; milliseconds of processor time of a full collection.
A collection holds the interpreter's lock, so no request is answered meanwhile.
"""

import argparse
import gc
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.report import print_progress, print_result
from freshet.serving.clock import system_clock
from freshet.serving.garbage_collection import freeze_heap
from freshet.serving.gateway import Gateway
from freshet.serving.http.app import create_app
from freshet.serving.state_lock import acquire_state_lock, state_folder
from freshet.settings import Settings

READY_TIMEOUT_S = 300.0


def main() -> None:
    """Start a gateway, measure, freeze the heap, measure again, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=9)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        figures = _measure_pauses(Path(temporary), args.items, args.times)
    print_result("gateway_pauses", {"items": args.items, **figures})


def _measure_pauses(root: Path, items: int, times: int) -> dict[str, object]:
    lake = _build_lake(root, items)
    settings = Settings(_env_file=None, lake=lake, gateway_state_dir=root / "state", cache_dir=root / "cache")
    state_lock = acquire_state_lock(state_folder(settings))
    gateway = Gateway(settings, b"key", state_lock.folder, system_clock())
    app = create_app(gateway)
    gateway.start()
    try:
        _wait_until_ready(gateway)
        before_ms, containers_before = [_collection_ms() for _ in range(times)], len(gc.get_objects())
        freeze_heap()
        after_ms, containers_after = [_collection_ms() for _ in range(times)], len(gc.get_objects())
    finally:
        gateway.stop()
        state_lock.release()
        del app
    print_progress(f"{containers_before:,} containers, {containers_after:,} after the freeze")
    return {
        "before_ms": round(median(before_ms), 2),
        "frozen_ms": round(median(after_ms), 2),
        "containers": containers_before,
        "containers_after_freeze": containers_after,
    }


def _build_lake(root: Path, items: int) -> str:
    """Build the lake in another process, because the modules it loads would count as the gateway's."""
    code = f"import pathlib, benchmarks.gateway as g; g.build_shop(pathlib.Path({str(root)!r}), {items}, None)"
    subprocess.run([sys.executable, "-c", code], check=True)
    return str(root / "lake")


def _wait_until_ready(gateway: Gateway) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while gateway.active_state.release is None:
        if time.monotonic() > deadline:
            raise SystemExit(f"no release served within {READY_TIMEOUT_S:.0f} s: {gateway.problems()}")
        time.sleep(0.05)


def _collection_ms() -> float:
    start = time.thread_time()
    gc.collect()
    return 1000 * (time.thread_time() - start)


if __name__ == "__main__":
    main()
