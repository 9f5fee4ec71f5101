"""`freshet land`: a producer's files into the landing."""

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from freshet import settings as settings_

if TYPE_CHECKING:
    from freshet.delivery import Landed


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("land")(land)


def land(
    files: list[Path] = typer.Argument(help="files as the shop wrote them: csv, json lines or parquet, .gz or not"),
    mapping: Path | None = typer.Option(None, help="the source mapping; default: FRESHET_MAPPING"),
    date: datetime | None = typer.Option(None, formats=["%Y-%m-%d"], help="land all of it under this day, uncut"),
) -> None:
    """Put files under their landing day, atomically and once; a file of many days is cut as the mapping says."""
    from freshet import delivery
    from freshet.tables.mapping import read

    settings = settings_.load()
    path = mapping or settings.mapping
    day = None if date is None else date.date()
    landed = delivery.land(settings, files, read(path) if path else None, day, _progress)
    _progress("")
    for line in _report(landed):
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
        f"{there} of {len(landed)} were there already and were left as they are",
    ]
    if undated := sum(part.undated for part in landed):
        who, they, them = ("1 row has", "it", "it") if undated == 1 else (f"{undated:,} rows have", "they", "them")
        lines.append(f"{who} no date that can be read; {they} landed with the row before {them}")
    return lines


def _progress(line: str) -> None:
    """One line that is written over, on a terminal only."""
    if sys.stderr.isatty():
        typer.echo(f"\r\033[K{line}", nl=False, err=True)
