"""`make demo`: a simulated shop, from landed files through a drift to a retrained release, in one process.

Sensors are really ticked, runs are recorded in DAGSTER_HOME (`make dev` shows them), the gateway is a process of its
own. The Makefile points lake, state and DAGSTER_HOME into `demo/`, which every demo empties first.
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
from freshet.serving.problems import GatewayError
from freshet.serving.state import Held, hold, state_folder
from freshet.settings import Settings, load
from pipelines import entry
from pipelines.demo.screen import Screen
from pipelines.demo.warm import warm

MARK: Final = "demo-of-freshet"  # in the folder: only a folder with this mark is ever emptied
INTRODUCTION: Final = (
    "Freshet keeps a shop's recommender fresh. This demo shows the whole loop: files land, a model is trained, judged "
    "and released, shoppers are served, their habits change, and Freshet notices and retrains by itself."
)
DAGSTER: Final = Path(__file__).parents[2] / "deploy" / "dagster.yaml"


def main(
    keep: Annotated[bool, typer.Option(help="Leave the gateway up until Ctrl-C.")] = False,
    picture: Annotated[Path | None, typer.Option(help="Write the screen to this file, as SVG.")] = None,
) -> None:
    """Run the whole loop and report each step."""
    begun = time.perf_counter()
    settings = load()
    empty(settings)
    screen = Screen.on_stderr()
    screen.say(INTRODUCTION)
    # The story tells what a run logs; a library that sets up the root logger on its way would print it once more.
    logging.getLogger("freshet").propagate = False
    try:
        _play(screen, settings, begun, keep=keep, picture=picture)
    except KeyboardInterrupt:
        screen.say("Stopped.")
        # At once: the interpreter would wait for a JVM that is only just starting. It ends with this process.
        os._exit(130)


def _play(screen: Screen, settings: Settings, begun: float, *, keep: bool, picture: Path | None) -> None:
    with screen.passing("getting ready: Spark, Dagster, the shop, its gateway (about 20 s)"):
        starting = warm(settings)
        # Only now: loading the code location looks for DAGSTER_HOME.
        from pipelines.demo.acts import act, playing
    with playing(screen, starting) as play:
        act(play, begun)
        if picture is not None:
            screen.picture(picture, "make demo")
        if keep:
            screen.say(f"The gateway stays up at {play.gateway.url}; Ctrl-C ends it.")
            signal.pause()


def empty(settings: Settings) -> None:
    """A demo begins with an empty folder; one that no demo made is left alone.

    Raises SettingsError for such a folder, GatewayError where a gateway works on the lake, SetupError where the folder
    cannot be emptied.
    """
    folder = Path(settings.lake).parent
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise SettingsError(
            "FRESHET_LAKE", f"{folder} holds something that is not the demo's", "run `make demo`, which sets its own"
        )
    try:
        _empty(settings, folder)
    except OSError as error:
        raise SetupError(str(folder), f"cannot be emptied ({error})", "remove it yourself, then try again") from error


def _empty(settings: Settings, folder: Path) -> None:
    held = _held(settings)
    try:
        if folder.exists():
            shutil.rmtree(folder)
    finally:
        if held is not None:
            held.release()
    for path in (Path(settings.lake), settings.state, folder / "dagster"):
        path.mkdir(parents=True, exist_ok=True)
    (folder / MARK).write_text(f"{settings.first_day}\n")
    shutil.copy(DAGSTER, folder / "dagster")


def _held(settings: Settings) -> Held | None:
    """The state of the lake's gateway, so that none is running; None where there is none.

    Raises GatewayError where a gateway works on the lake that is to go.
    """
    state = state_folder(settings)
    if not state.exists():
        return None
    try:
        return hold(state)
    except GatewayError as error:
        raise GatewayError(
            str(state), error.what, "stop what runs there (make dev, or make demo KEEP=1), then try again"
        ) from error


if __name__ == "__main__":
    entry.run(main)
