"""What tests of sensors share: a lake without Spark, and jobs that do nothing."""

from pathlib import Path

import dagster as dg

from freshet.settings import Settings
from resources.lake import Lake


@dg.op
def nothing() -> None:
    """A run that is over at once."""


@dg.op
def failing() -> None:
    """A run that fails as a gate does."""
    raise dg.Failure("1 of 2 days refused, 1 published\nevents 2024-03-02: no item_id; fix the export, then run again")


@dg.job
def idle() -> None:
    """Stands for the job that a sensor starts."""
    nothing()


@dg.job
def broken() -> None:
    """Fails."""
    failing()


def sensor_definitions(lake: Lake, *sensors: dg.SensorDefinition) -> dg.Definitions:
    """The sensors on this lake, with `idle` to start."""
    return dg.Definitions(jobs=[idle, broken], sensors=sensors, resources={"lake": lake})


def write_file(settings: Settings, path: str, content: str = "x") -> None:
    """A file in the lake."""
    file = Path(settings.lake) / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
