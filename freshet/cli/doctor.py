"""`freshet doctor`: check the installation and the shop, with a fix for each problem."""

from collections.abc import Sequence
from typing import Final

import typer

from freshet import settings
from freshet.cli import terminal
from freshet.doctor import run_checks
from freshet.doctor.result import CAPABILITIES, Capability, CheckResult

DETAIL_INDENT: Final = 22  # of the message, after status and component


def register(app: typer.Typer) -> None:
    """Register the command."""
    app.command("doctor", rich_help_panel="This machine")(doctor)


def doctor() -> None:
    """Check what works here, what does not, and how to fix it.

    Exit code 1 if any check is wrong.
    """
    results, columns = run_checks(settings.load()), terminal.width()
    for line in [*(_format_result(result, columns) for result in results), "", *capability_lines(results)]:
        typer.echo(line)
    raise typer.Exit(1 if any(finding.status == "wrong" for finding in results) else 0)


def capability_lines(results: Sequence[CheckResult]) -> list[str]:
    """Return one line per capability: whether it will work, and the components that stop or limit it."""
    return [f"{capability:<10}{_capability_summary(results, capability)}" for capability in CAPABILITIES]


def _capability_summary(results: Sequence[CheckResult], capability: Capability) -> str:
    wrong, missing = (
        [result.component for result in results if result.status == status and capability in result.affects]
        for status in ("wrong", "missing")
    )
    if wrong:
        return f"will not work: {', '.join(wrong)}"
    return f"will work, within limits: {', '.join(missing)}" if missing else "will work"


def _format_result(result: CheckResult, columns: int | None) -> str:
    row = f"{result.status:<8}{result.component:<14}{terminal.wrap(result.message, columns, DETAIL_INDENT)}"
    return (
        f"{row}\n{'':<{DETAIL_INDENT}}→ {terminal.wrap(result.fix, columns, DETAIL_INDENT + 2)}" if result.fix else row
    )
