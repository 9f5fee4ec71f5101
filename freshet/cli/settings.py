"""`freshet settings`: every setting with its value, source and description."""

import json

import typer

from freshet import settings as chosen
from freshet.cli import terminal
from freshet.setting_sources import SettingSource, setting_sources


def register(app: typer.Typer) -> None:
    """Register the command."""
    app.command("settings", rich_help_panel="This machine")(settings)


def settings(as_json: bool = typer.Option(False, "--json", help="One JSON object instead of a table.")) -> None:
    """Print every setting with its value, source and description.

    Secrets are masked. Options of a single run are run configuration, in Dagster's launchpad.
    """
    rows = setting_sources(chosen.load(), chosen.FORMER_NAMES)
    typer.echo(_as_json(rows) if as_json else _as_table(rows))


def _as_json(rows: list[SettingSource]) -> str:
    return json.dumps(
        {row.variable: {"value": row.value, "source": row.source, "description": row.description} for row in rows},
        indent=2,
    )


def _as_table(rows: list[SettingSource]) -> str:
    indent, columns = max(len(row.variable) for row in rows) + 2, terminal.width()
    return "\n".join(
        f"{row.variable:<{indent}}{row.value or '(unset)'}  [{row.source}]\n"
        f"{'':{indent}}{terminal.wrap(row.description, columns, indent)}"
        for row in rows
    )
