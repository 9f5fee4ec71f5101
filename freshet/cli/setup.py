"""`freshet setup`: make this machine ready, once."""

import typer

from freshet import settings
from freshet.installation import class_archive, jars, java


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("setup")(setup)


def setup() -> None:
    """Find or install Java, fetch and verify the jars, make the JVM's class archive. Safe to repeat."""
    chosen = settings.load()
    typer.echo(f"Java           {java.ensure(chosen, typer.echo)}")
    for jar in jars.fetch_jars(chosen, typer.echo):
        typer.echo(f"jar            {jar}")
    typer.echo(f"class archive  {class_archive.make(chosen, typer.echo) or 'none'}")
