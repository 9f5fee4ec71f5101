"""`freshet mapping check`: what a source mapping makes of files, before any run."""

from datetime import UTC, datetime
from pathlib import Path

import typer

from freshet import settings as settings_
from freshet.cli import terminal
from freshet.cli.dry_run_report import refusal_messages, report_lines, verdict_lines
from freshet.ingest.mapping.source_mapping import read_mapping


def register(app: typer.Typer) -> None:
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

    settings = settings_.load()
    mapping = read_mapping(file)
    from freshet.ingest import dry_run
    from freshet.tables import spark_session

    dry_run.check_files(data, mapping, check_columns=False)
    _show_progress("starting Spark …")
    spark = spark_session.start_session(settings)
    _show_progress(f"reading {len(data)} {'file' if len(data) == 1 else 'files'} …")
    report_data = dry_run.dry_run(spark, mapping, data, datetime.now(UTC).date(), settings.dedup_lookback_days)
    messages, columns = refusal_messages(report_data, settings), terminal.width()
    typer.echo(f"{file}: Spark takes all {len(mapping.expressions())} expressions for the columns of these files")
    for line in report_lines(report_data):
        typer.echo(terminal.shorten(line, columns))
    for line in verdict_lines(report_data, messages):
        typer.echo(line)
    raise typer.Exit(1 if messages else 0)


def _show_progress(line: str) -> None:
    typer.echo(line, err=True)
