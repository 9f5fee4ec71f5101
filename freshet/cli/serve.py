"""`freshet serve`: the gateway."""

import logging
from typing import Annotated

import typer

from freshet import threads
from freshet.settings import load


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(serve)


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on; without it FRESHET_GATEWAY_HOST.")] = "",
    port: Annotated[int, typer.Option(help="The port; without it FRESHET_GATEWAY_PORT. 0: any that is free.")] = -1,
) -> None:
    """Run the gateway: events in, recommendations out, the journal followed. Ends on Ctrl-C or SIGTERM."""
    threads.one_each()
    from freshet.serving.clock import system_clock
    from freshet.serving.run import serve as run

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    chosen = load()
    changed = {"gateway_host": host} if host else {}
    changed |= {"gateway_port": port} if port >= 0 else {}  # type: ignore[dict-item]
    settings = chosen.model_copy(update=changed)
    run(settings, system_clock(), lambda address: typer.echo(f"the gateway listens on {address}"))
