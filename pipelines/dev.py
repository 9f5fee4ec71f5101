"""`make dev`: Dagster's UI and daemon, the gateway and, on the simulated shop, its shoppers, in one terminal.

Ports are checked before anything starts. Ctrl-C ends the programs in order: shoppers, gateway, Dagster.
"""

import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Annotated, Final

import typer

from freshet.errors import SettingsError
from freshet.settings import Settings, load
from pipelines import program_entry
from pipelines.dagster_ui import UI_HOST, wait_until_up
from pipelines.ports import base_url, require_port
from pipelines.supervisor import Program, Supervisor

STARTUP_TIMEOUT_S: Final = 180.0  # seconds until Dagster's UI answers
GATEWAY_STOP_TIMEOUT_S, DAGSTER_STOP_TIMEOUT_S, SHOP_STOP_TIMEOUT_S = 15.0, 60.0, 10.0  # seconds
INTERRUPTED_PATTERN: Final = re.compile(r"- (\w+) - ([0-9a-f]{8})-.* - RUN_FAILURE - .*interrupted")


def main(
    simulated: Annotated[bool, typer.Option("--simulated", help="Also run the simulated shop.")] = False,
    shoppers: Annotated[int, typer.Option(min=10, help="Shoppers of a new simulated shop.")] = 2_000,
    items: Annotated[int, typer.Option(min=20, help="Items of a new simulated shop.")] = 600,
    day_seconds: Annotated[float, typer.Option(min=1, help="Seconds until the next simulated day lands.")] = 60,
    sessions_per_second: Annotated[float, typer.Option(min=0.01, help="Simulated sessions per second.")] = 2,
) -> None:
    """Run everything until Ctrl-C."""
    settings = resolve_ports(load())
    from pipelines import cleanup_runs  # Dagster takes seconds to import: check the ports first

    cleanup_runs.main()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    ui_url = base_url(UI_HOST, settings.dagster_port)
    gateway_url = base_url(settings.gateway_host, settings.gateway_port)
    typer.echo(f"{'the simulated shop' if simulated else 'your shop'}: {settings.lake}")
    typer.echo(f"Dagster's UI will be at {ui_url}, the gateway at {gateway_url}; Ctrl-C ends both")
    shop_options = (
        "--shoppers", shoppers, "--items", items, "--day-seconds", day_seconds,
        "--sessions-per-second", sessions_per_second,
    )  # fmt: skip
    supervisor = Supervisor(programs(settings, ui_url, shop_options if simulated else None), sys.stdout)
    threading.Thread(target=announce_when_up, args=(ui_url, supervisor.write_line), daemon=True).start()
    sys.exit(supervisor.run())


def resolve_ports(settings: Settings) -> Settings:
    """Return the settings with both ports resolved (0: any free port). Raises SettingsError if a port is in use."""
    if settings.dagster_port == settings.gateway_port != 0:
        fix = "set FRESHET_DAGSTER_PORT or FRESHET_GATEWAY_PORT to another one"
        what = "Dagster's UI and the gateway are both set to it"
        raise SettingsError(f"port {settings.dagster_port}", what, fix)
    dagster_port = require_port(UI_HOST, settings.dagster_port, "Dagster's UI", "FRESHET_DAGSTER_PORT")
    gateway_port = require_port(settings.gateway_host, settings.gateway_port, "the gateway", "FRESHET_GATEWAY_PORT")
    return settings.model_copy(update={"dagster_port": dagster_port, "gateway_port": gateway_port})


def programs(settings: Settings, ui_url: str, shop_options: tuple[object, ...] | None) -> list[Program]:
    """Return the programs in the order in which they stop. shop_options: of the simulated shop; None: without it."""
    environment = _environment(settings, ui_url)
    ui_options = ("-w", "workspace.yaml", "-h", UI_HOST, "-p", settings.dagster_port, "--log-level", "warning")
    gateway = Program("gateway", _command("freshet.cli.main", "serve"), environment, GATEWAY_STOP_TIMEOUT_S)
    dagster = Program(
        "dagster", _command("dagster", "dev", *ui_options), environment, DAGSTER_STOP_TIMEOUT_S, interrupted_run_message
    )
    if shop_options is None:
        return [gateway, dagster]
    shop = Program("shop", _command("pipelines.live_shop", *shop_options), environment, SHOP_STOP_TIMEOUT_S)
    return [shop, gateway, dagster]


def _command(module: str, *arguments: object) -> list[str]:
    return [sys.executable, "-m", module, *map(str, arguments)]


def _environment(settings: Settings, ui_url: str) -> Mapping[str, str]:
    environment = {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "ignore:Function",  # `dagster dev` says in four lines that it is superseded
        "FRESHET_GATEWAY_PORT": str(settings.gateway_port),
    }
    if "dagster_url" not in settings.model_fields_set:
        environment["FRESHET_DAGSTER_URL"] = ui_url
    return environment


def interrupted_run_message(line: str) -> str | None:
    """Return a short message for Dagster's log line on an interrupted run; None for any other line."""
    match = INTERRUPTED_PATTERN.search(line)
    return f"run {match[2]} ({match[1]}) was interrupted; its sensor requests it again" if match else None


def announce_when_up(ui_url: str, progress: Callable[[str], None]) -> None:
    """Write one line as soon as Dagster's UI answers."""
    if wait_until_up(ui_url, STARTUP_TIMEOUT_S):
        progress(f"Dagster's UI is up: {ui_url}")


if __name__ == "__main__":
    program_entry.run(main)
