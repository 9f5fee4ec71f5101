"""How long a full garbage collection stops a gateway, before and after a release has been settled.

    python -m benchmarks.gateway_pauses [--items 10000] [--times 9]

A gateway in this process, with a model that has learned nothing, and its application; milliseconds of processor time of
a full collection, which holds the interpreter's lock: nothing is answered meanwhile.
"""

import argparse
import gc
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.report import finish, median, say
from freshet.serving.app import application
from freshet.serving.clock import system_clock
from freshet.serving.garbage import settle
from freshet.serving.gateway import Gateway
from freshet.serving.state import hold, state_folder
from freshet.settings import Settings

READY = 300.0  # seconds at most


def main() -> None:
    """Start, measure, settle, measure, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=9)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        figures = _measured(Path(temporary), arguments.items, arguments.times)
    finish("gateway_pauses", {"items": arguments.items, **figures})


def _measured(root: Path, items: int, times: int) -> dict[str, object]:
    lake = _lake(root, items)
    settings = Settings(_env_file=None, lake=lake, state=root / "state", cache=root / "cache")
    held = hold(state_folder(settings))
    gateway = Gateway(settings, b"key", held.folder, system_clock())
    app = application(gateway)
    gateway.start()
    try:
        _wait(gateway)
        before, there = [_collection() for _ in range(times)], len(gc.get_objects())
        settle()
        after, left = [_collection() for _ in range(times)], len(gc.get_objects())
    finally:
        gateway.stop()
        held.release()
        del app
    say(f"{there:,} containers, {left:,} once settled")
    return {
        "before_ms": round(median(before), 2), "settled_ms": round(median(after), 2), "containers": there,
        "containers_settled": left,
    }  # fmt: skip


def _lake(root: Path, items: int) -> str:
    """Made by a process of its own: what it loads is no part of a gateway."""
    code = f"import pathlib, benchmarks.gateway as g; g.shop_of(pathlib.Path({str(root)!r}), {items}, None)"
    subprocess.run([sys.executable, "-c", code], check=True)
    return str(root / "lake")


def _wait(gateway: Gateway) -> None:
    until = time.monotonic() + READY
    while gateway.current.serving is None:
        if time.monotonic() > until:
            raise SystemExit(f"no release served within {READY:.0f} s: {gateway.reasons()}")
        time.sleep(0.05)


def _collection() -> float:
    begun = time.thread_time()
    gc.collect()
    return 1000 * (time.thread_time() - begun)


if __name__ == "__main__":
    main()
