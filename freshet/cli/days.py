"""`freshet days`: what became of every landed row, day by day."""

from datetime import date
from typing import Annotated

import typer

from freshet.days import DayRecord, read
from freshet.settings import load
from freshet.store import open_store

COUNTS = ("landed", "skipped", "quarantined", "duplicate", "rows")


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("days")(days)


def days(
    first: Annotated[str | None, typer.Option("--from", help="first landing day, YYYY-MM-DD")] = None,
    last: Annotated[str | None, typer.Option("--to", help="last landing day, YYYY-MM-DD")] = None,
    total: Annotated[bool, typer.Option("--total", help="only the sums over all days")] = False,
) -> None:
    """Landed = skipped + quarantined + duplicate + published, for every day that was run, with its verdict."""
    records = [r for day, r in read(open_store(load().lake), "events").items() if _inside(day, first, last)]
    if not records:
        typer.echo("no day has been run yet: `dagster asset materialize --select '*' --partition-range FIRST...LAST`")
        raise typer.Exit(1)
    typer.echo(
        f"{'day':<12}{'landed':>10}{'skipped':>10}{'quarantined':>13}{'duplicate':>11}{'published':>11}  verdict"
    )
    for record in [] if total else records:
        why = f": {'; '.join(record.why)}" if record.why else ""
        typer.echo(f"{record.day!s:<12}{_figures(_counts(record))}  {record.verdict}{why}")
    sums = [sum(counts) for counts in zip(*(_counts(record) for record in records), strict=True)]
    refused = sum(record.verdict == "refused" for record in records)
    typer.echo(f"{f'{len(records)} days':<12}{_figures(sums)}  {len(records) - refused} published, {refused} refused")


def _counts(record: DayRecord) -> list[int]:
    """What would have been published counts as refused with its day: nothing of it is visible."""
    return [record.counts.get(name, 0) for name in COUNTS]


def _figures(counts: list[int]) -> str:
    widths = (10, 10, 13, 11, 11)
    return "".join(f"{count:>{width},}" for count, width in zip(counts, widths, strict=True))


def _inside(day: date, first: str | None, last: str | None) -> bool:
    return (first is None or day >= date.fromisoformat(first)) and (last is None or day <= date.fromisoformat(last))
