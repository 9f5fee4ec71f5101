"""Command lines for messages. A test parses all of them, so that each works as typed."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final

from freshet.landing import landing_days
from freshet.store import Store

DEFINITIONS_MODULE: Final = "pipelines.definitions"
RANGE_PLACEHOLDER: Final = "FIRST...LAST"  # two days, for the reader to fill in
LAND_COMMAND: Final = "freshet land FILE…"


def materialize_command(select: str, days: str = "") -> str:
    """Return `dagster asset materialize …` for a selection of assets, in backticks.

    days: a range of `partition_range`. A selection with a daily table needs one, any other selection takes none.
    """
    # Without -m Dagster does not find the definitions: this command reads neither pyproject.toml nor workspace.yaml.
    command = f"dagster asset materialize -m {DEFINITIONS_MODULE} --select {shell_quote(select)}"
    return f"`{command} --partition-range {days}`" if days else f"`{command}`"


def execute_job_command(job: str) -> str:
    """Return `dagster job execute …` for a job without days, in backticks."""
    return f"`dagster job execute -m {DEFINITIONS_MODULE} -j {job}`"


def release_command(bundle: str) -> str:
    """Return `freshet release …` for one bundle, in backticks, with a placeholder for the reason."""
    return f'`freshet release {bundle[:12]} --why "…"`'


def rollback_command(number: int) -> str:
    """Return `freshet rollback --to …` for one release, in backticks, with a placeholder for the reason."""
    return f'`freshet rollback --to {number} --why "…"`'


def materialize_hint(store: Store, select: str = "*", today: date | None = None) -> str:
    """Return the command that materializes these assets for all landed days; without any, to land some first.

    select: `*` is everything, `+histories` is the asset and its upstream assets. today: UTC, default: this machine's
    date; a later day is not a partition yet, and Dagster refuses a range that contains one.
    """
    last = today or datetime.now(UTC).date()
    days = [day for day in landing_days(store) if day <= last]
    if days:
        return f"run {materialize_command(select, partition_range(days))}"
    return f"land some days (`{LAND_COMMAND}`), then run {materialize_command(select, RANGE_PLACEHOLDER)}"


def partition_range(days: Sequence[date]) -> str:
    """Return `2024-03-01...2024-03-09`, from the first to the last of these days; FIRST...LAST if there are none."""
    return f"{min(days)}...{max(days)}" if days else RANGE_PLACEHOLDER


def shell_quote(select: str) -> str:
    """Return the selection, in quotes if a shell would expand it (`*`)."""
    return select if select.replace("_", "").replace(",", "").isalnum() else f"'{select}'"
