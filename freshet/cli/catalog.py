"""`freshet catalog restore`: rebuild the Iceberg catalogue if it is missing or damaged."""

import typer

from freshet.settings import load
from freshet.tables.catalog import restore_catalog


def register(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="The catalogue, which holds the current state of every table.", no_args_is_help=True)
    group.command("restore")(restore)
    group.callback()(lambda: None)  # with a callback, the only command stays a subcommand
    app.add_typer(group, name="catalog", rich_help_panel="Data")


def restore() -> None:
    """Rebuild the catalogue from the last metadata in each table's folder; a damaged one is kept beside it."""
    root = load().lake
    tables = restore_catalog(root)
    for table in tables:
        typer.echo(f"{table.name:<20}as of {table.modified_at:%Y-%m-%d %H:%M} UTC")
    typer.echo(f"{root}/catalog.db is restored with {len(tables)} {'table' if len(tables) == 1 else 'tables'}")
