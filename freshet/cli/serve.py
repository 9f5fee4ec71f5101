"""`freshet serve`: run the gateway."""

import logging
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperOption

from freshet import runtime
from freshet.errors import SettingsError
from freshet.serving.clock import system_clock
from freshet.serving.server import serve as run_server
from freshet.settings import load


class ServeCommand(TyperCommand):
    """Shows the host and the port of the current settings in its help."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help; the settings are read here and not on import."""
        for option in self.params:
            if isinstance(option, TyperOption) and option.name in ("host", "port"):
                option.show_default = _default_text(option.name)
        super().format_help(ctx, formatter)


def register(app: typer.Typer) -> None:
    """Register the command."""
    app.command(cls=ServeCommand, rich_help_panel="Serving")(serve)


def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="The port; 0: any free port.")] = None,
) -> None:
    """Run the gateway: take events, serve recommendations.

    It follows the releases and stops on Ctrl-C or SIGTERM.
    """
    runtime.use_single_blas_thread()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    overrides = {"gateway_host": host, "gateway_port": port}
    settings = load().model_copy(update={name: value for name, value in overrides.items() if value is not None})
    run_server(settings, system_clock(), lambda address: typer.echo(f"the gateway listens on {address}"))


def _default_text(option: str) -> str:
    """Return `8080, FRESHET_GATEWAY_PORT`; the variable alone if the settings cannot be read."""
    variable = f"FRESHET_GATEWAY_{option.upper()}"
    try:
        return f"{getattr(load(), f'gateway_{option}')}, {variable}"
    except SettingsError:
        return variable
