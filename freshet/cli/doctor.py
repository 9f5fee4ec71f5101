"""`freshet doctor`: what this machine has, what it lacks, what is wrong, and the fix for each."""

import typer

from freshet import settings
from freshet.checkup import findings
from freshet.checkup.finding import Finding


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("doctor", rich_help_panel="This machine")(doctor)


def doctor() -> None:
    """Check everything Freshet needs, and say what to mend.

    Exit code 1 if something is wrong. What is missing is named, but stops nothing.
    """
    table = findings(settings.load())
    for line in table:
        typer.echo(_row(line))
    typer.echo(conclusion(table))
    raise typer.Exit(1 if any(line.state == "wrong" for line in table) else 0)


def conclusion(table: list[Finding]) -> str:
    """`1 wrong: Java; 1 missing: mapping`. What is missing stops nothing, but limits something: it is named, too."""
    wrong, missing = ([line.part for line in table if line.state == state] for state in ("wrong", "missing"))
    lacking = f"{len(missing)} missing: {', '.join(missing)}" if missing else "nothing is missing"
    return f"{len(wrong)} wrong: {', '.join(wrong)}; {lacking}" if wrong else f"nothing is wrong; {lacking}"


def _row(line: Finding) -> str:
    row = f"{line.state:<8}{line.part:<14}{line.found}"
    return f"{row}\n{'':<22}→ {line.fix}" if line.fix else row
