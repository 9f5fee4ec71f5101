"""`freshet catalog restore`: the catalogue of tables made again where it is missing or damaged."""

import typer

from freshet.settings import load
from freshet.tables.catalog import restore_catalog


def register(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="The catalogue, which names the state of every table.", no_args_is_help=True)
    group.command("restore")(restore)
    group.callback()(lambda: None)  # keeps `restore` a command of its own though it is the only one
    app.add_typer(group, name="catalog", rich_help_panel="Data")


def restore() -> None:
    """Enter every table with the last metadata of its folder into a new catalogue; a damaged one is kept beside it."""

    root = load().lake
    tables = restore_catalog(root)
    for table in tables:
        typer.echo(f"{table.name:<20}as of {table.modified_at:%Y-%m-%d %H:%M} UTC")
    typer.echo(f"{root}/catalog.db names {len(tables)} {'table' if len(tables) == 1 else 'tables'} again")
