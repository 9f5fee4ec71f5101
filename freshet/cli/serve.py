"""`freshet serve`: the gateway."""

import logging
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperOption

from freshet import threads
from freshet.errors import SettingsError
from freshet.settings import load


class ServeCommand(TyperCommand):
    """Its help shows the host and the port that the settings give at this moment."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Read the settings only now: importing this module must not."""
        for option in self.params:
            if isinstance(option, TyperOption) and option.name in ("host", "port"):
                option.show_default = _default(option.name)
        super().format_help(ctx, formatter)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(cls=ServeCommand, rich_help_panel="Serving")(serve)


def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="The port; 0: any that is free.")] = None,
) -> None:
    """Run the gateway: events in, recommendations out.

    It follows the releases. Ends on Ctrl-C or SIGTERM.
    """
    threads.one_each()
    from freshet.serving.clock import system_clock
    from freshet.serving.run import serve as run

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    given = {"gateway_host": host, "gateway_port": port}
    settings = load().model_copy(update={name: value for name, value in given.items() if value is not None})
    run(settings, system_clock(), lambda address: typer.echo(f"the gateway listens on {address}"))


def _default(option: str) -> str:
    """`8080, FRESHET_GATEWAY_PORT`; the variable alone where the settings cannot be read."""
    variable = f"FRESHET_GATEWAY_{option.upper()}"
    try:
        return f"{getattr(load(), f'gateway_{option}')}, {variable}"
    except SettingsError:
        return variable
