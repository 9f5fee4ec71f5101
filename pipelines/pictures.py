"""`make pictures`: a screenshot of Dagster's asset graph for the documentation, taken with a headless Chromium.

The picture of the demo's terminal comes from `python -m pipelines.demo --picture`.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from freshet.errors import FreshetError, SetupError
from pipelines import program_entry
from pipelines.dagster_ui import UI_HOST, wait_until_up
from pipelines.ports import base_url, find_free_port

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
WINDOW_SIZE: Final = "2800,1700"
CROP_MARGINS_PX: Final = (550, 120, 60, 10)  # menus around the graph: left, top, right, bottom
RENDER_BUDGET_MS: Final = 25_000  # time for the page to fetch its data and lay out the graph
STARTUP_TIMEOUT_S: Final = 60.0


def main(target: Annotated[Path, typer.Argument(help="The PNG to write.")]) -> None:
    """Write the asset graph of this code location as Dagster's UI shows it."""
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
    """Cut the menus off the screenshot."""
    from PIL import Image

    left, top, right, bottom = CROP_MARGINS_PX
    with Image.open(path) as image:
        graph = image.crop((left, top, image.width - right, image.height - bottom))
    graph.save(path, optimize=True)


def _group_query() -> str:
    """Return the URL parameter that expands all asset groups."""
    from pipelines.definitions import defs

    names = sorted({spec.group_name for spec in defs.resolve_all_asset_specs() if spec.group_name})
    return ",".join(f"global@global:{name}" for name in names)


def _find_browser() -> str:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise SetupError("pictures", "Chromium is not installed", "sudo apt install chromium")
    return browser


@contextmanager
def _run_webserver() -> Iterator[str]:
    """Run Dagster's webserver on a free port; yield its URL."""
    port = find_free_port(UI_HOST)
    command = [sys.executable, "-m", "dagster_webserver", "-w", "workspace.yaml", "-h", UI_HOST, "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = base_url(UI_HOST, port)
    try:
        if not wait_until_up(url, STARTUP_TIMEOUT_S):
            fix = "start `make dev` and read its messages"
            raise FreshetError(url, f"did not answer within {STARTUP_TIMEOUT_S:.0f} s", fix)
        yield url
    finally:
        process.terminate()
        process.wait(20)


if __name__ == "__main__":
    program_entry.run(main)
