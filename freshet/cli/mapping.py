"""`freshet mapping check`: what a source mapping makes of files, before any run."""

from datetime import UTC, datetime
from pathlib import Path

import typer

from freshet import settings as settings_
from freshet.cli import terminal


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="Source mappings: how a shop's files become events.", no_args_is_help=True)
    group.command("check")(check)
    group.callback()(lambda: None)  # keeps `check` a command of its own though it is the only one
    app.add_typer(group, name="mapping", rich_help_panel="Data")


def check(
    file: Path = typer.Argument(help="the mapping, e.g. examples/online_retail.yaml"),
    data: list[Path] = typer.Argument(help="files to try it on"),
) -> None:
    """Show what a mapping makes of files: first events, what would be skipped or quarantined, and why.

    Exit code 1 where a day of these files would be refused.
    """
    from freshet.tables.mapping import read

    settings = settings_.load()
    mapping = read(file)
    from freshet.cli.trial_report import refusals, report, verdict
    from freshet.tables import session, trial

    trial.check_files(data, mapping, columns_too=False)
    _progress("starting Spark …")
    spark = session.start(settings)
    _progress(f"reading {len(data)} {'file' if len(data) == 1 else 'files'} …")
    found = trial.trial(spark, mapping, data, datetime.now(UTC).date(), settings.lookback_days)
    refused, columns = refusals(found, settings), terminal.width()
    typer.echo(f"{file}: Spark takes all {len(mapping.expressions())} expressions for the columns of these files")
    for line in report(found):
        typer.echo(terminal.shorten(line, columns))
    for line in verdict(found, refused):
        typer.echo(line)
    raise typer.Exit(1 if refused else 0)


def _progress(line: str) -> None:
    typer.echo(line, err=True)
