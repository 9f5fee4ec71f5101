"""Test jobs for sensors that do nothing, on a lake without Spark."""

from pathlib import Path

import dagster as dg

from freshet.settings import Settings
from resources.lake import Lake


@dg.op
def idle_op() -> None:
    """An op that does nothing."""


@dg.op
def failing() -> None:
    """An op that fails like a gate."""
    raise dg.Failure("1 of 2 days refused, 1 published\nevents 2024-03-02: no item_id; fix the export, then run again")


@dg.job
def idle() -> None:
    """A job for a sensor to start."""
    idle_op()


@dg.job
def broken() -> None:
    """A job that fails."""
    failing()


def sensor_definitions(lake: Lake, *sensors: dg.SensorDefinition) -> dg.Definitions:
    """Return definitions with the sensors on this lake and the jobs."""
    return dg.Definitions(jobs=[idle, broken], sensors=sensors, resources={"lake": lake})


def write_file(settings: Settings, path: str, content: str = "x") -> None:
    """Write a file in the lake."""
    file = Path(settings.lake) / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
