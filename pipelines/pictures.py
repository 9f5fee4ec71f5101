"""`make pictures`: the pictures of the documentation, taken from the running thing.

The terminal's is made by `python -m pipelines.demo --picture`; this one opens the asset graph in a headless Chromium.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import httpx
import typer

from freshet.errors import FreshetError, SetupError
from pipelines import entry
from pipelines.demo.gateway import free_port

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
SIZE: Final = "2800,1700"
FRAME: Final = (550, 120, 60, 10)  # pixels of menus around the graph: left, top, right, bottom
DRAWN: Final = 25_000  # milliseconds that the page has to fetch its data and lay out the graph
HOST: Final = "127.0.0.1"
UP_WITHIN: Final = 60.0  # seconds


def main(target: Annotated[Path, typer.Argument(help="The PNG to write.")]) -> None:
    """Draw the asset graph of this code location as Dagster's UI shows it."""
    browser = _browser()
    with _dagster() as url:
        with_size = [f"--window-size={SIZE}", "--hide-scrollbars", f"--virtual-time-budget={DRAWN}"]
        quiet = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        words = [
            browser,
            *quiet,
            *with_size,
            f"--screenshot={target.absolute()}",
            f"{url}/asset-groups?expanded={_every_group()}",
        ]
        subprocess.run(words, check=True, capture_output=True, timeout=120)
    _crop(target)
    typer.echo(f"{target} shows the asset graph", err=True)


def _crop(picture: Path) -> None:
    """Only the graph."""
    from PIL import Image

    left, top, right, bottom = FRAME
    with Image.open(picture) as whole:
        graph = whole.crop((left, top, whole.width - right, whole.height - bottom))
    graph.save(picture, optimize=True)


def _every_group() -> str:
    """All groups open, as the UI names them in its address."""
    from pipelines.definitions import defs

    names = sorted({spec.group_name for spec in defs.resolve_all_asset_specs() if spec.group_name})
    return ",".join(f"global@global:{name}" for name in names)


def _browser() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise SetupError("pictures", "no Chromium is here", "sudo apt install chromium")
    return found


@contextmanager
def _dagster() -> Iterator[str]:
    """Dagster's webserver on a free port, as long as it is needed."""
    port = free_port(HOST, 0)
    words = [sys.executable, "-m", "dagster_webserver", "-w", "workspace.yaml", "-h", HOST, "-p", str(port)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://{HOST}:{port}"
    try:
        _wait_for(f"{url}/server_info")
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(url: str) -> None:
    begun = time.monotonic()
    while time.monotonic() - begun < UP_WITHIN:
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.3)
    raise FreshetError(url, f"did not answer within {UP_WITHIN:.0f} s", "start `make dev` and read what it says")


if __name__ == "__main__":
    entry.run(main)
