import signal
import subprocess
import sys

from tests.tiny_gateway import gateway_process, release_tiny_bundle, wait_for

COUNT_OBJECTS_CODE = """
import gc
from freshet.serving.garbage_collection import freeze_heap
kept = [[number] for number in range(100_000)]
before = len(gc.get_objects())
freeze_heap()
print(before > 100_000, len(gc.get_objects()) < 1_000)
"""


def test_what_is_settled_is_not_looked_at_again():
    completed_process = subprocess.run(
        [sys.executable, "-c", COUNT_OBJECTS_CODE], capture_output=True, text=True, check=True
    )
    assert completed_process.stdout == "True True\n"


def test_a_gateway_is_settled_when_its_release_serves(tmp_path):
    """Else every full collection looks at all of its libraries and stops it for tens of milliseconds."""
    release_tiny_bundle(str(tmp_path / "lake"), tmp_path)
    counts_file = tmp_path / "told"
    prelude = tmp_path / "prelude"
    prelude.mkdir()
    (prelude / "sitecustomize.py").write_text(
        "import atexit, gc, pathlib, sys\n"
        "def tell():\n"
        f"    pathlib.Path({str(counts_file)!r}).write_text(f'{{gc.get_freeze_count()}} {{len(gc.get_objects())}}')\n"
        "if 'serve' in sys.argv:\n"
        "    atexit.register(tell)\n"
    )
    with gateway_process(tmp_path, prelude=prelude) as (gateway, url):
        wait_for(lambda: is_ready(url))
        gateway.send_signal(signal.SIGTERM)
        assert gateway.wait(60) == 0
    n_settled, n_young = map(int, counts_file.read_text().split())
    assert n_settled > 20_000
    assert n_young < n_settled / 2


def is_ready(url):
    import httpx

    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.HTTPError:
        return False
