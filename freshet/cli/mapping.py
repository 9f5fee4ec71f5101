"""`freshet mapping check`: what a source mapping makes of files, before any run."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from freshet import settings as settings_
from freshet.cli import terminal

if TYPE_CHECKING:
    from freshet.tables.trial import Group, Trial

WIDEST = 40  # characters of a value in a table
MEANING = {
    "published": "valid, each once",
    "duplicate": "an earlier row has the same event_id",
    "skipped": "`where` does not hold: no event",
}


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
    """Show the first mapped rows, counts by event type, and what would be skipped or quarantined and why."""
    from freshet.tables.mapping import read

    mapping = read(file)
    settings = settings_.load()
    from freshet.tables import session, trial

    trial.check_files(data, mapping, columns_too=False)
    _progress("starting Spark …")
    spark = session.start(settings)
    _progress(f"reading {len(data)} {'file' if len(data) == 1 else 'files'} …")
    found = trial.trial(spark, mapping, data, datetime.now(UTC).date(), settings.lookback_days)
    typer.echo(f"{file}: all {len(mapping.expressions())} expressions fit the files")
    columns = terminal.width()
    for line in report(found):
        typer.echo(terminal.shorten(line, columns))


def report(found: "Trial") -> list[str]:
    """The trial in words."""
    lines = ["", "first events"]
    lines += (
        _table([tuple(found.first[0]), *(tuple(row.values()) for row in found.first)]) if found.first else ["  none"]
    )
    lines += ["", "events by type"]
    lines += _table([(name, f"{count:,}") for name, count in found.types.items()]) or ["  none"]
    lines += ["", f"what becomes of the {found.rows:,} rows"]
    for group in found.groups:
        lines += _group(group)
    return lines


def _group(group: "Group") -> list[str]:
    from freshet.tables.contract import REASONS

    name = group.outcome if group.reason is None else f"{group.outcome}: {group.reason}"
    meaning = MEANING.get(group.outcome) or REASONS[group.reason or ""]
    lines = [f"  {group.rows:>11,}  {name} ({meaning})"]
    if group.outcome != "published":
        lines.append(
            f"               e.g. {group.example.file}:{group.example.row}  {_short(group.example.text or '', 100)}"
        )
    return lines


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Columns side by side, those without any value left out."""
    if not rows:
        return []
    full = [n for n in range(len(rows[0])) if any(row[n] for row in rows[1:] or rows)]
    cells = [[_short(row[n], WIDEST) for n in full] for row in rows]
    widths = [max(len(row[n]) for row in cells) for n in range(len(full))]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    ]


def _short(text: str, longest: int) -> str:
    flat = text.replace("\n", "⏎").replace("\t", "⇥")
    return flat if len(flat) <= longest else f"{flat[: longest - 1]}…"


def _progress(line: str) -> None:
    typer.echo(line, err=True)
