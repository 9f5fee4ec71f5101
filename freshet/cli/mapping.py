"""`freshet mapping check`: a dry run of a source mapping on files."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from freshet import settings as settings_
from freshet.cli import terminal
from freshet.cli.dry_run_report import refusal_messages, report_lines, verdict_lines
from freshet.ingest.mapping.source_mapping import SourceMapping, read_mapping

if TYPE_CHECKING:
    from freshet.ingest.dry_run import DryRunReport


def register(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="Source mappings: how a shop's files become events.", no_args_is_help=True)
    group.command("check")(check)
    group.callback()(lambda: None)  # with a callback, the only command stays a subcommand
    app.add_typer(group, name="mapping", rich_help_panel="Data")


def check(
    file: Path = typer.Argument(help="the mapping, e.g. examples/online_retail.yaml"),
    data: list[Path] = typer.Argument(help="files to try it on"),
) -> None:
    """Show how a mapping reads files: first events, skipped and quarantined rows, and the reasons.

    Exit code 1 if a day of these files would be refused.
    """
    settings = settings_.load()
    mapping = read_mapping(file)
    report = _dry_run(settings, mapping, data)
    messages, columns = refusal_messages(report, settings), terminal.width()
    typer.echo(f"{file}: all {len(mapping.expressions())} expressions are valid for the columns of these files")
    for line in report_lines(report):
        typer.echo(terminal.shorten(line, columns))
    for line in verdict_lines(report, messages):
        typer.echo(line)
    raise typer.Exit(1 if messages else 0)


def _dry_run(settings: settings_.Settings, mapping: SourceMapping, data: list[Path]) -> "DryRunReport":
    from freshet.ingest import dry_run
    from freshet.tables import spark_session

    dry_run.check_files(data, mapping, check_columns=False)
    _show_progress("starting Spark …")
    spark = spark_session.start_session(settings)
    _show_progress(f"reading {len(data)} {'file' if len(data) == 1 else 'files'} …")
    return dry_run.dry_run(spark, mapping, data, datetime.now(UTC).date(), settings.dedup_lookback_days)


def _show_progress(line: str) -> None:
    typer.echo(line, err=True)
