"""What Dagster knows of runs, as far as a sensor asks: what is under way, and what has been asked for before."""

from datetime import date
from typing import TYPE_CHECKING, Final, TypeAlias

import dagster as dg
from dagster import DagsterEventType, DagsterRunStatus

from resources.run_days import days_of

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

Job: TypeAlias = (
    "dg.JobDefinition | UnresolvedAssetJobDefinition"  # what `dg.define_asset_job` gives has no public name
)
RUN_KEY: Final = "dagster/run_key"
SENSOR: Final = "dagster/sensor_name"
WHY: Final = "freshet/why"
KILLED: Final = "freshet/killed"  # on runs whose process was found dead
INTERRUPTION: Final = dg.DagsterExecutionInterruptedError.__name__
AGAIN: Final = 3  # times that an interrupted run is asked for once more

UNDER_WAY: Final = (
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
)


def under_way(instance: dg.DagsterInstance, jobs: tuple[str, ...] = ()) -> list[dg.DagsterRun]:
    """Runs that are queued or running, of the jobs named or of any."""
    runs = instance.get_runs(dg.RunsFilter(statuses=list(UNDER_WAY)))
    return [run for run in runs if not jobs or run.job_name in jobs]


def days_under_way(instance: dg.DagsterInstance) -> dict[date, str]:
    """Day → the run that is queued or running for it."""
    return {day: run.run_id for run in under_way(instance) for day in days_of(run.tags)}


def asked_before(instance: dg.DagsterInstance, sensor: str, key: str) -> dg.DagsterRun | None:
    """The run that this sensor has asked for under this key, if any."""
    return next(iter(instance.get_runs(dg.RunsFilter(tags={SENSOR: sensor, RUN_KEY: key}), limit=1)), None)


def interrupted(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether the run ended through no fault of its own: it was killed, or somebody pressed Ctrl-C in its terminal."""
    if run.status is not DagsterRunStatus.FAILURE:
        return False
    ends = instance.all_logs(run.run_id, of_type=DagsterEventType.RUN_FAILURE)
    errors = [entry.dagster_event.job_failure_data.error for entry in ends if entry.dagster_event is not None]
    by_hand = any(error is not None and error.cls_name == INTERRUPTION for error in errors)
    return by_hand or KILLED in run.tags


def next_key(instance: dg.DagsterInstance, sensor: str, key: str) -> tuple[str, dg.DagsterRun | None]:
    """(The key to ask under, the run that has answered it already, if any).

    A run that was interrupted has answered nothing: it is asked for again under another key, AGAIN times.
    """
    for number in range(AGAIN + 1):
        name = f"{key} again {number}" if number else key
        run = asked_before(instance, sensor, name)
        if run is None or not interrupted(instance, run):
            break
    return name, run
