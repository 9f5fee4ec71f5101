"""The heap is frozen once a release serves."""

import signal
import subprocess
import sys

from tests.tiny_gateway import gateway_process, release_tiny_bundle, wait_for

COUNT_OBJECTS_CODE = """
import gc
from freshet.serving.garbage_collection import freeze_heap
objects = [[number] for number in range(100_000)]
before = len(gc.get_objects())
freeze_heap()
print(before > 100_000, len(gc.get_objects()) < 1_000)
"""


def test_frozen_objects_are_not_collected_again():
    completed_process = subprocess.run(
        [sys.executable, "-c", COUNT_OBJECTS_CODE], capture_output=True, text=True, check=True
    )
    assert completed_process.stdout == "True True\n"


def test_the_heap_is_frozen_when_a_release_serves(tmp_path):
    """Otherwise each full collection visits all objects of its libraries, for tens of milliseconds."""
    release_tiny_bundle(str(tmp_path / "lake"), tmp_path)
    counts_file = tmp_path / "counts"
    prelude = tmp_path / "prelude"
    prelude.mkdir()
    (prelude / "sitecustomize.py").write_text(
        "import atexit, gc, pathlib, sys\n"
        "def write_counts():\n"
        f"    pathlib.Path({str(counts_file)!r}).write_text(f'{{gc.get_freeze_count()}} {{len(gc.get_objects())}}')\n"
        "if 'serve' in sys.argv:\n"
        "    atexit.register(write_counts)\n"
    )
    with gateway_process(tmp_path, prelude=prelude) as (gateway, url):
        wait_for(lambda: is_ready(url))
        gateway.send_signal(signal.SIGTERM)
        assert gateway.wait(60) == 0
    n_frozen, n_young = map(int, counts_file.read_text().split())
    assert n_frozen > 20_000
    assert n_young < n_frozen / 2


def is_ready(url):
    import httpx

    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.HTTPError:
        return False
