"""The `freshet` command: registers one module per command; user errors end with one line instead of a traceback."""

import sys
from typing import Annotated

import typer

from freshet.cli import (
    card,
    catalog,
    days,
    doctor,
    explain,
    land,
    mapping,
    recommend,
    release,
    releases,
    serve,
    settings,
    setup,
)
from freshet.errors import EmptyLakeError, FreshetError
from freshet.runtime import code_version, prepare_process

app = typer.Typer(
    name="freshet",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    setup,
    doctor,
    settings,
    land,
    mapping,
    days,
    releases,
    release,
    card,
    recommend,
    explain,
    serve,
    catalog,
):
    command.register(app)


def _print_version(enabled: bool) -> None:
    if enabled:
        typer.echo(f"freshet {code_version()}")
        raise typer.Exit


@app.callback()
def freshet(
    version: Annotated[  # noqa: ARG001 - its callback prints it
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Keep an e-commerce recommender fresh from the events in a data lake."""
    prepare_process()


def main() -> None:
    """Entry point of the console script. Exit codes: 0 success; 1 no data yet, or a check failed; 2 user error."""
    try:
        app()
    except EmptyLakeError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
    except FreshetError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
