"""`freshet setup`: install Java, the jars and the class archive."""

import typer

from freshet import settings
from freshet.setup import class_archive, jars, java


def register(app: typer.Typer) -> None:
    """Register the command."""
    app.command("setup", rich_help_panel="This machine")(setup)


def setup() -> None:
    """Set up this machine: Java, jars, class archive.

    Downloads missing parts and verifies them. Safe to repeat.
    """
    from freshet.tables.spark_session import spark_options

    machine_settings = settings.load()
    typer.echo(f"Java           {java.ensure_java(machine_settings, typer.echo)}")
    for jar in jars.fetch_jars(machine_settings, typer.echo):
        typer.echo(f"jar            {jar}")
    archive = class_archive.build_archive(machine_settings, spark_options, typer.echo)
    typer.echo(f"class archive  {archive or 'none'}")
