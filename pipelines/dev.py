"""`make dev`: Dagster's UI and daemon, the gateway and, on the simulated shop, its shoppers, in one terminal.

Ports are looked at before anything starts. Ctrl-C ends all of it in order: shoppers, gateway, Dagster.
"""

import contextlib
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from typing import Annotated, Final

import httpx
import typer

from freshet.errors import SettingsError
from freshet.settings import Settings, load
from pipelines import program_entry
from pipelines.ports import base_url, free_port
from pipelines.supervisor import Program, Supervisor, drop_traceback

HOST: Final = "127.0.0.1"  # of Dagster's UI
STARTUP_TIMEOUT_S: Final = 180.0  # seconds
POLL_INTERVAL_S: Final = 0.5  # seconds between two looks
INTERRUPTED_PATTERN: Final = re.compile(r"- (\w+) - ([0-9a-f]{8})-.* - RUN_FAILURE - .*interrupted")


def main(
    simulated: Annotated[bool, typer.Option("--simulated", help="Open the simulated shop, too.")] = False,
    shoppers: Annotated[int, typer.Option(min=10, help="Shoppers of a simulated shop that begins now.")] = 2_000,
    items: Annotated[int, typer.Option(min=20, help="Items of a simulated shop that begins now.")] = 600,
    day_seconds: Annotated[float, typer.Option(min=1, help="Seconds until the next simulated day lands.")] = 60,
    visits: Annotated[float, typer.Option(min=0.01, help="Simulated visits a second.")] = 2,
) -> None:
    """Keep everything up until Ctrl-C."""
    settings = resolve_ports(load())
    from pipelines import cleanup_runs  # Dagster takes seconds to import: after the ports, and where Ctrl-C is heard

    cleanup_runs.main()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    ui_url = base_url(HOST, settings.dagster_port)
    gateway_url = base_url(settings.gateway_host, settings.gateway_port)
    typer.echo(f"{'the simulated shop' if simulated else 'your shop'}: {settings.lake}")
    typer.echo(f"Dagster's UI will be at {ui_url}, the gateway at {gateway_url}; Ctrl-C ends both")
    shop_options = ("--shoppers", shoppers, "--items", items, "--day-seconds", day_seconds, "--visits", visits)
    supervisor = Supervisor(programs(settings, ui_url, shop_options if simulated else None), sys.stdout)
    threading.Thread(target=announce_when_up, args=(ui_url, supervisor.write_line), daemon=True).start()
    sys.exit(supervisor.run())


def resolve_ports(settings: Settings) -> Settings:
    """The settings with both ports known and free. Raises SettingsError where one is not."""
    if settings.dagster_port == settings.gateway_port != 0:
        fix = "set FRESHET_DAGSTER_PORT or FRESHET_GATEWAY_PORT to another one"
        what = "both Dagster's UI and the gateway are to listen there"
        raise SettingsError(f"port {settings.dagster_port}", what, fix)
    dagster_port = free_port(HOST, settings.dagster_port, "Dagster's UI", "FRESHET_DAGSTER_PORT")
    gateway_port = free_port(settings.gateway_host, settings.gateway_port, "the gateway", "FRESHET_GATEWAY_PORT")
    return settings.model_copy(update={"dagster_port": dagster_port, "gateway_port": gateway_port})


def programs(settings: Settings, ui_url: str, shop_options: tuple[object, ...] | None) -> list[Program]:
    """What runs, in the order in which it ends. shop: the options of the simulated one; None: no simulated shop."""
    environment = {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "ignore:Function",  # `dagster dev` says that it is superseded, in four lines
        "FRESHET_GATEWAY_PORT": str(settings.gateway_port),
    }
    if "dagster_url" not in settings.model_fields_set:
        environment["FRESHET_DAGSTER_URL"] = ui_url
    dagster_command = [
        "dagster",
        "dev",
        "-w",
        "workspace.yaml",
        "-h",
        HOST,
        "-p",
        settings.dagster_port,
        "--log-level",
        "warning",
    ]
    commands: dict[str, tuple[list[object], float]] = {
        "gateway": (["freshet.cli.main", "serve"], 15.0),
        "dagster": (dagster_command, 60.0),
    }
    if shop_options is not None:
        commands = {"shop": (["pipelines.live_shop", *shop_options], 10.0), **commands}
    return [
        Program(
            name, [sys.executable, "-m", *map(str, command)], environment, stop_timeout,
            interrupted_run_message if name == "dagster" else drop_traceback,
        )
        for name, (command, stop_timeout) in commands.items()
    ]  # fmt: skip


def interrupted_run_message(line: str) -> str | None:
    """Of all that Dagster writes at its end, the run that it had to interrupt."""
    match = INTERRUPTED_PATTERN.search(line)
    return f"the run {match[2]} ({match[1]}) was interrupted; it is asked for again" if match else None


def announce_when_up(ui_url: str, progress: Callable[[str], None]) -> None:
    """One line as soon as Dagster's UI answers."""
    start = time.monotonic()
    while time.monotonic() - start < STARTUP_TIMEOUT_S:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{ui_url}/server_info", timeout=5).is_success:
                progress(f"Dagster's UI is up: {ui_url}")
                return
        time.sleep(POLL_INTERVAL_S)


if __name__ == "__main__":
    program_entry.run(main)
