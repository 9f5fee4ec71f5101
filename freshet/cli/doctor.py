"""`freshet doctor`: what this machine has, what it lacks, what is wrong, and the fix for each."""

from typing import Final

import typer

from freshet import settings
from freshet.checkup import findings
from freshet.checkup.finding import Finding
from freshet.cli import terminal

INDENT: Final = 22  # of what is found, behind the state and the part


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("doctor", rich_help_panel="This machine")(doctor)


def doctor() -> None:
    """Check everything Freshet needs, and say what to mend.

    Exit code 1 if something is wrong. What is missing is named, but stops nothing.
    """
    table, columns = findings(settings.load()), terminal.width()
    for line in table:
        typer.echo(_row(line, columns))
    typer.echo(conclusion(table))
    raise typer.Exit(1 if any(line.state == "wrong" for line in table) else 0)


def conclusion(table: list[Finding]) -> str:
    """`1 wrong: Java; 1 missing: mapping`. What is missing stops nothing, but limits something: it is named, too."""
    wrong, missing = ([line.part for line in table if line.state == state] for state in ("wrong", "missing"))
    lacking = f"{len(missing)} missing: {', '.join(missing)}" if missing else "nothing is missing"
    return f"{len(wrong)} wrong: {', '.join(wrong)}; {lacking}" if wrong else f"nothing is wrong; {lacking}"


def _row(line: Finding, columns: int | None) -> str:
    row = f"{line.state:<8}{line.part:<14}{terminal.wrap(line.found, columns, INDENT)}"
    return f"{row}\n{'':<{INDENT}}→ {terminal.wrap(line.fix, columns, INDENT + 2)}" if line.fix else row
