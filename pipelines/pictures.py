"""`make pictures`: pictures for the documentation: Dagster's asset graph in a headless Chromium, and plots of the demo.

The picture of the demo's terminal comes from `python -m pipelines.demo --picture`.
"""

import base64
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import dagster as dg
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
PLOTS: Final = {"evaluation": "evaluation.png", "drift_report": "drift.png"}  # asset → file
DATA_URI: Final = "data:image/png;base64,"


def main(
    target: Annotated[Path, typer.Argument(help="The PNG to write.")],
    plots: Annotated[
        bool, typer.Option("--plots", help="Also write the last plots of `evaluation` and `drift_report` beside it.")
    ] = False,
) -> None:
    """Write the asset graph of this code location as Dagster's UI shows it."""
    if plots:
        with dg.DagsterInstance.get() as instance:
            for asset, name in PLOTS.items():
                _write_plot(instance, asset, target.parent / name)
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


def _write_plot(instance: dg.DagsterInstance, asset: str, path: Path) -> None:
    """Write the plot in the metadata of the asset's last materialization."""
    event = instance.get_latest_materialization_event(dg.AssetKey(asset))
    metadata = event.asset_materialization.metadata if event and event.asset_materialization else {}
    plot = metadata.get("plot")
    if not isinstance(plot, dg.MarkdownMetadataValue):
        raise FreshetError(
            "pictures", f"the last {asset} has no plot", "run `make pictures`, which runs the demo first"
        )
    path.write_bytes(base64.b64decode(str(plot.value).partition(DATA_URI)[2].rstrip(")")))
    typer.echo(f"{path} shows the last {asset}", err=True)


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
