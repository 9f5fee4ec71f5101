"""`freshet land`: a producer's files into the landing."""

import sys
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from freshet import settings as settings_
from freshet.commands import day_range, materialize
from freshet.lake_state import new_lake

if TYPE_CHECKING:
    from freshet.delivery import Landed


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("land", rich_help_panel="Data")(land)


def land(
    files: list[Path] = typer.Argument(help="Files as the shop wrote them: csv, JSON lines or parquet, .gz or not."),
    mapping: Path | None = typer.Option(None, help="The source mapping. Default: FRESHET_MAPPING."),
    day: datetime | None = typer.Option(None, "--date", formats=["%Y-%m-%d"], help="Land whole files under this day."),
) -> None:
    """Land a shop's files in the lake, each row under its day, once.

    A file of many days is cut as the mapping says. What to type next is printed.
    """
    from freshet import delivery
    from freshet.tables.mapping import read

    settings = settings_.load()
    new = new_lake(settings.lake)
    path = mapping or settings.mapping
    under = None if day is None else day.date()
    landed = delivery.land(settings, files, read(path) if path else None, under, _progress)
    _progress("")
    if new:
        typer.echo(new, err=True)
    for line in [*_report(landed), *next_steps({part.day for part in landed}, datetime.now(UTC).date())]:
        typer.echo(line)


def _report(landed: "Sequence[Landed]") -> list[str]:
    days = sorted({part.day for part in landed})
    files = len({part.source for part in landed})
    known = [part.rows for part in landed if part.rows is not None]
    rows = f"{sum(known):,} rows" if len(known) == len(landed) else "rows not counted (no mapping)"
    there = sum(not part.new for part in landed)
    lines = [
        f"{files} {'file' if files == 1 else 'files'} landed on {len(days)} {'day' if len(days) == 1 else 'days'}, "
        f"{days[0]} to {days[-1]}: {rows}",
    ]
    if there:
        lines.append(f"{there} of {len(landed)} were there already and were left as they are")
    if undated := sum(part.undated for part in landed):
        who, they, them = ("1 row has", "it", "it") if undated == 1 else (f"{undated:,} rows have", "they", "them")
        lines.append(f"{who} no date that can be read; {they} landed with the row before {them}")
    return lines


def next_steps(days: "Collection[date]", today: date) -> list[str]:
    """What to type after landing these days; a day that has not begun (UTC) cannot be run yet."""
    lines = []
    if begun := [day for day in days if day <= today]:
        lines += [
            "",
            "Next, for tables, model and release (in the repository, with .venv active):",
            f"  {materialize('*', day_range(begun)).strip('`')}",
            "Or start `make dev`: its landing sensor runs these days, and a first model follows.",
        ]
    if later := sorted(day for day in days if day > today):
        span = str(later[0]) if len(later) == 1 else f"{later[0]} to {later[-1]}"
        lines.append(f"{span} lies ahead: the landing sensor runs a day once it has begun (UTC)")
    return lines


def _progress(line: str) -> None:
    """One line that is written over, on a terminal only."""
    if sys.stderr.isatty():
        typer.echo(f"\r\033[K{line}", nl=False, err=True)
