"""`freshet setup`: make this machine ready, once."""

import typer

from freshet import settings
from freshet.setup import class_archive, jars, java


def register(app: typer.Typer) -> None:
    """Register the command."""
    app.command("setup", rich_help_panel="This machine")(setup)


def setup() -> None:
    """Make this machine ready: Java, jars, class archive.

    Downloads what is missing and checks it. Safe to repeat.
    """
    from freshet.tables.spark_session import spark_options

    machine_settings = settings.load()
    typer.echo(f"Java           {java.ensure_java(machine_settings, typer.echo)}")
    for jar in jars.fetch_jars(machine_settings, typer.echo):
        typer.echo(f"jar            {jar}")
    archive = class_archive.build_archive(machine_settings, spark_options, typer.echo)
    typer.echo(f"class archive  {archive or 'none'}")
