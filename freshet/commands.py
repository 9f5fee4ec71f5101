"""Command lines that messages name. They are built here, so that each works as typed; a test parses all of them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final

from freshet.landing import landing_days
from freshet.store import Store

DEFINITIONS_MODULE: Final = "pipelines.definitions"
RANGE_PLACEHOLDER: Final = "FIRST...LAST"  # two days, for the reader to fill in
LAND_COMMAND: Final = "freshet land FILE…"


def materialize_command(select: str, days: str = "") -> str:
    """`dagster asset materialize …` for a selection of assets, in backticks.

    days: a range as `day_range` gives it. A selection that holds a daily table needs one, any other takes none.
    """
    # Without -m Dagster does not find the definitions: this command reads neither pyproject.toml nor workspace.yaml.
    command = f"dagster asset materialize -m {DEFINITIONS_MODULE} --select {shell_quote(select)}"
    return f"`{command} --partition-range {days}`" if days else f"`{command}`"


def execute_job_command(job: str) -> str:
    """`dagster job execute …` for a job without days, in backticks."""
    return f"`dagster job execute -m {DEFINITIONS_MODULE} -j {job}`"


def release_command(bundle: str) -> str:
    """`freshet release …` for one bundle, in backticks; the reason is for the reader to fill in."""
    return f'`freshet release {bundle[:12]} --why "…"`'


def rollback_command(number: int) -> str:
    """`freshet rollback --to …` for one release, in backticks; the reason is for the reader to fill in."""
    return f'`freshet rollback --to {number} --why "…"`'


def materialize_hint(store: Store, select: str = "*", today: date | None = None) -> str:
    """What to type so that all landed days reach these assets; without any, to land some first.

    select: `*` is everything, `+histories` is the asset and all that it is made from. today: UTC, the machine's own
    where none is given; a day that has not begun is no partition yet, and Dagster refuses a range that holds one.
    """
    last = today or datetime.now(UTC).date()
    days = [day for day in landing_days(store) if day <= last]
    if days:
        return f"run {materialize_command(select, partition_range(days))}"
    return f"land some days (`{LAND_COMMAND}`), then run {materialize_command(select, RANGE_PLACEHOLDER)}"


def partition_range(days: Sequence[date]) -> str:
    """`2024-03-01...2024-03-09`: from the first to the last of these days; FIRST...LAST where there are none."""
    return f"{min(days)}...{max(days)}" if days else RANGE_PLACEHOLDER


def shell_quote(select: str) -> str:
    """A shell would expand `*`."""
    return select if select.replace("_", "").replace(",", "").isalnum() else f"'{select}'"
