"""`freshet setup`: make this machine ready, once."""

import typer

from freshet import settings
from freshet.installation import class_archive, jars, java


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("setup", rich_help_panel="This machine")(setup)


def setup() -> None:
    """Make this machine ready: Java, jars, class archive.

    Downloads what is missing and checks it. Safe to repeat.
    """
    chosen = settings.load()
    typer.echo(f"Java           {java.ensure(chosen, typer.echo)}")
    for jar in jars.fetch_jars(chosen, typer.echo):
        typer.echo(f"jar            {jar}")
    typer.echo(f"class archive  {class_archive.make(chosen, typer.echo) or 'none'}")
