"""`freshet doctor`: what is found, missing or wrong, the fix for each, and what will work."""

from collections.abc import Sequence
from typing import Final

import typer

from freshet import settings
from freshet.checkup import findings
from freshet.checkup.finding import ALL, Finding, Work
from freshet.cli import terminal

INDENT: Final = 22  # of what is found, behind the state and the part


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("doctor", rich_help_panel="This machine")(doctor)


def doctor() -> None:
    """Check what will work here, what will not, and what to mend.

    Exit code 1 if the pipeline, the training or the gateway will not work, or anything else is wrong.
    """
    table, columns = findings(settings.load()), terminal.width()
    for line in [*(_row(finding, columns) for finding in table), "", *conclusions(table)]:
        typer.echo(line)
    raise typer.Exit(1 if any(finding.state == "wrong" for finding in table) else 0)


def conclusions(table: Sequence[Finding]) -> list[str]:
    """For each kind of work whether it will work, and the parts that stop or limit it."""
    return [f"{work:<10}{_outlook(table, work)}" for work in ALL]


def _outlook(table: Sequence[Finding], work: Work) -> str:
    wrong, missing = (
        [line.part for line in table if line.state == state and work in line.touches] for state in ("wrong", "missing")
    )
    if wrong:
        return f"will not work: {', '.join(wrong)}"
    return f"will work, within limits: {', '.join(missing)}" if missing else "will work"


def _row(line: Finding, columns: int | None) -> str:
    row = f"{line.state:<8}{line.part:<14}{terminal.wrap(line.found, columns, INDENT)}"
    return f"{row}\n{'':<{INDENT}}→ {terminal.wrap(line.fix, columns, INDENT + 2)}" if line.fix else row
