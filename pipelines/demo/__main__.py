"""`make demo`: a simulated shop, from landed files through a drift to a retrained release, in one process.

It ticks the real sensors, records runs in DAGSTER_HOME (`make dev` shows them) and runs the gateway as a separate
process. The Makefile puts lake, state and DAGSTER_HOME into `demo/`, which every demo empties first.
"""

import logging
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from freshet.errors import SettingsError, SetupError
from freshet.serving.errors import GatewayError
from freshet.serving.state_lock import StateLock, acquire_state_lock, state_folder
from freshet.settings import Settings, load
from pipelines import program_entry
from pipelines.demo.preload import preload
from pipelines.demo.screen import DemoOutput

MARKER_FILE: Final = "demo-of-freshet"  # only a folder with this file is emptied
INTRODUCTION: Final = (
    "Freshet keeps a shop's recommender fresh. This demo runs the whole loop: files land, a model is trained, "
    "evaluated "
    "and released, shoppers are served, their habits drift, and Freshet detects the drift and retrains."
)
DAGSTER_CONFIG: Final = Path(__file__).parents[2] / "deploy" / "dagster.yaml"


def main(
    keep: Annotated[bool, typer.Option(help="Leave the gateway up until Ctrl-C.")] = False,
    picture: Annotated[Path | None, typer.Option(help="Write the screen to this file, as SVG.")] = None,
) -> None:
    """Run the whole loop and report each step."""
    start = time.perf_counter()
    settings = load()
    reset_folder(settings)
    output = DemoOutput.on_stderr()
    output.write(INTRODUCTION)
    # RunProgress shows what a run logs; with propagation, a library that configures the root logger would repeat it.
    logging.getLogger("freshet").propagate = False
    try:
        _run_demo(output, settings, start, keep=keep, picture=picture)
    except KeyboardInterrupt:
        output.write("Stopped.")
        # Skip the interpreter's clean-up, which would wait for a JVM that is still starting. It ends with this process.
        os._exit(130)


def _run_demo(output: DemoOutput, settings: Settings, start: float, *, keep: bool, picture: Path | None) -> None:
    with output.show_status("starting Spark, Dagster, the shop and its gateway (about 20 s)"):
        spark_thread = preload(settings)
        # Not at the top: loading the code location checks DAGSTER_HOME.
        from pipelines.demo.script import demo_context, run_demo
    with demo_context(output, spark_thread) as context:
        run_demo(context, start)
        if picture is not None:
            output.save_svg(picture, "make demo")
        if keep:
            output.write(f"The gateway stays up at {context.gateway.url}; Ctrl-C ends it.")
            signal.pause()


def reset_folder(settings: Settings) -> None:
    """Empty the demo's folder; a folder that no demo made is left alone.

    Raises SettingsError for such a folder, GatewayError if a gateway uses the lake, SetupError if the folder cannot be
    emptied.
    """
    folder = Path(settings.lake).parent
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER_FILE).exists():
        raise SettingsError(
            "FRESHET_LAKE",
            f"{folder} holds files that are not the demo's",
            "run `make demo`, which sets its own folder",
        )
    try:
        _recreate_folder(settings, folder)
    except OSError as error:
        raise SetupError(str(folder), f"cannot be emptied ({error})", "remove it, then try again") from error


def _recreate_folder(settings: Settings, folder: Path) -> None:
    lock = _lock_gateway_state(settings)
    try:
        if folder.exists():
            shutil.rmtree(folder)
    finally:
        if lock is not None:
            lock.release()
    for path in (Path(settings.lake), settings.gateway_state_dir, folder / "dagster"):
        path.mkdir(parents=True, exist_ok=True)
    (folder / MARKER_FILE).write_text(f"{settings.first_day}\n")
    shutil.copy(DAGSTER_CONFIG, folder / "dagster")


def _lock_gateway_state(settings: Settings) -> StateLock | None:
    """Lock the gateway state of the lake, so that no gateway uses it; None if there is no state.

    Raises GatewayError if a gateway uses it.
    """
    state = state_folder(settings)
    if not state.exists():
        return None
    try:
        return acquire_state_lock(state)
    except GatewayError as error:
        raise GatewayError(str(state), error.what, "stop `make dev` or `make demo KEEP=1`, then try again") from error


if __name__ == "__main__":
    program_entry.run(main)
