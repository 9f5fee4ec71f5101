"""`freshet land`: land a shop's files in the lake."""

import sys
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from freshet import settings as settings_
from freshet.commands import materialize_command, partition_range
from freshet.ingest import land_files
from freshet.ingest.mapping.source_mapping import read_mapping
from freshet.lake_checks import new_lake_message

if TYPE_CHECKING:
    from freshet.ingest.land_files import LandedFileResult


def register(app: typer.Typer) -> None:
    """Register the command."""
    app.command("land", rich_help_panel="Data")(land)


def land(
    files: list[Path] = typer.Argument(help="Files as the shop wrote them: CSV, JSON lines or Parquet, plain or .gz."),
    mapping: Path | None = typer.Option(None, help="The source mapping. Default: FRESHET_MAPPING."),
    day: datetime | None = typer.Option(None, "--date", formats=["%Y-%m-%d"], help="Land whole files under this day."),
) -> None:
    """Land a shop's files in the lake, each row under its day, once.

    A file of several days is split as the mapping says. The next command to type is printed.
    """
    settings = settings_.load()
    new_lake_notice = new_lake_message(settings.lake)
    path = mapping or settings.mapping
    landing_day = None if day is None else day.date()
    landed_files = land_files.land_files(
        settings, files, read_mapping(path) if path else None, landing_day, _show_progress
    )
    _show_progress("")
    if new_lake_notice:
        typer.echo(new_lake_notice, err=True)
    for line in [
        *_summary_lines(landed_files),
        *next_steps({file.day for file in landed_files}, datetime.now(UTC).date()),
    ]:
        typer.echo(line)


def _summary_lines(landed_files: "Sequence[LandedFileResult]") -> list[str]:
    days = sorted({file.day for file in landed_files})
    n_files = len({part.source for part in landed_files})
    row_counts = [part.rows for part in landed_files if part.rows is not None]
    rows_text = f"{sum(row_counts):,} rows" if len(row_counts) == len(landed_files) else "rows not counted (no mapping)"
    n_existing = sum(not part.is_new for part in landed_files)
    lines = [
        f"{n_files} {'file' if n_files == 1 else 'files'} landed on {len(days)} {'day' if len(days) == 1 else 'days'}, "
        f"{days[0]} to {days[-1]}: {rows_text}",
    ]
    if n_existing:
        lines.append(f"{n_existing} of {len(landed_files)} had landed before and are unchanged")
    if undated := sum(part.undated_rows for part in landed_files):
        subject, pronoun = ("1 row has", "it") if undated == 1 else (f"{undated:,} rows have", "they")
        lines.append(f"{subject} no valid date; {pronoun} landed under the day of the previous row")
    return lines


def next_steps(days: "Collection[date]", today: date) -> list[str]:
    """Return the commands to type after landing these days; a day in the future (UTC) cannot be run yet."""
    lines = []
    if runnable_days := [day for day in days if day <= today]:
        lines += [
            "",
            "Next, for tables, model and release (in the repository, with .venv active):",
            f"  {materialize_command('*', partition_range(runnable_days)).strip('`')}",
            "Or start `make dev`: its landing sensor runs these days, and a first model follows.",
        ]
    if future_days := sorted(day for day in days if day > today):
        span = str(future_days[0]) if len(future_days) == 1 else f"{future_days[0]} to {future_days[-1]}"
        lines.append(f"{span} is in the future: the landing sensor runs a day once it has begun (UTC)")
    return lines


def _show_progress(line: str) -> None:
    """Overwrite the status line, on a terminal only."""
    if sys.stderr.isatty():
        typer.echo(f"\r\033[K{line}", nl=False, err=True)
