"""`freshet doctor`: what this machine has, what it lacks, what is wrong, and the fix for each."""

import typer

from freshet import settings
from freshet.checkup import findings
from freshet.checkup.finding import Finding


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("doctor")(doctor)


def doctor() -> None:
    """Look at everything Freshet needs. Exit code 1 if something is wrong; what is only missing is told."""
    table = findings(settings.load())
    for line in table:
        typer.echo(_row(line))
    wrong = sum(line.state == "wrong" for line in table)
    typer.echo(f"{wrong} wrong" if wrong else "nothing is wrong")
    raise typer.Exit(1 if wrong else 0)


def _row(line: Finding) -> str:
    row = f"{line.state:<8}{line.part:<14}{line.found}"
    return f"{row}\n{'':<22}→ {line.fix}" if line.fix else row
