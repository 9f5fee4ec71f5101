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
from pipelines import program_entry
from pipelines.demo.gateway import free_port

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
WINDOW_SIZE: Final = "2800,1700"
CROP_MARGINS_PX: Final = (550, 120, 60, 10)  # pixels of menus around the graph: left, top, right, bottom
RENDER_BUDGET_MS: Final = 25_000  # milliseconds that the page has to fetch its data and lay out the graph
HOST: Final = "127.0.0.1"
STARTUP_TIMEOUT_S: Final = 60.0  # seconds


def main(target: Annotated[Path, typer.Argument(help="The PNG to write.")]) -> None:
    """Draw the asset graph of this code location as Dagster's UI shows it."""
    browser = _find_browser()
    with _run_webserver() as url:
        window_options = [
            f"--window-size={WINDOW_SIZE}",
            "--hide-scrollbars",
            f"--virtual-time-budget={RENDER_BUDGET_MS}",
        ]
        headless_options = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
        ]
        command = [
            browser,
            *headless_options,
            *window_options,
            f"--screenshot={target.absolute()}",
            f"{url}/asset-groups?expanded={_group_query()}",
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
    _crop_to_graph(target)
    typer.echo(f"{target} shows the asset graph", err=True)


def _crop_to_graph(path: Path) -> None:
    """Only the graph."""
    from PIL import Image

    left, top, right, bottom = CROP_MARGINS_PX
    with Image.open(path) as image:
        graph = image.crop((left, top, image.width - right, image.height - bottom))
    graph.save(path, optimize=True)


def _group_query() -> str:
    """All groups open, as the UI names them in its address."""
    from pipelines.definitions import defs

    names = sorted({spec.group_name for spec in defs.resolve_all_asset_specs() if spec.group_name})
    return ",".join(f"global@global:{name}" for name in names)


def _find_browser() -> str:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise SetupError("pictures", "no Chromium is here", "sudo apt install chromium")
    return browser


@contextmanager
def _run_webserver() -> Iterator[str]:
    """Dagster's webserver on a free port, as long as it is needed."""
    port = free_port(HOST, 0)
    command = [sys.executable, "-m", "dagster_webserver", "-w", "workspace.yaml", "-h", HOST, "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://{HOST}:{port}"
    try:
        _wait_for_url(f"{url}/server_info")
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _wait_for_url(url: str) -> None:
    start = time.monotonic()
    while time.monotonic() - start < STARTUP_TIMEOUT_S:
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.3)
    raise FreshetError(
        url, f"did not answer within {STARTUP_TIMEOUT_S:.0f} s", "start `make dev` and read what it says"
    )


if __name__ == "__main__":
    program_entry.run(main)
