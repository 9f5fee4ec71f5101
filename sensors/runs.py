"""What Dagster knows of runs, as far as a sensor asks: what is under way, and what has been asked for before."""

from datetime import date
from typing import TYPE_CHECKING, Final, TypeAlias

import dagster as dg
from dagster import DagsterEventType, DagsterRunStatus

from resources.run_days import days_from_tags

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

Job: TypeAlias = (
    "dg.JobDefinition | UnresolvedAssetJobDefinition"  # what `dg.define_asset_job` gives has no public name
)
RUN_KEY_TAG: Final = "dagster/run_key"
SENSOR_TAG: Final = "dagster/sensor_name"
REASON_TAG: Final = "freshet/why"
KILLED_TAG: Final = "freshet/killed"  # on runs whose process was found dead
INTERRUPTED_ERROR: Final = dg.DagsterExecutionInterruptedError.__name__
MAX_INTERRUPTED_RETRIES: Final = 3  # times that an interrupted run is asked for once more

ACTIVE_STATUSES: Final = (
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
)


def active_runs(instance: dg.DagsterInstance, jobs: tuple[str, ...] = ()) -> list[dg.DagsterRun]:
    """Runs that are queued or running, of the jobs named or of any."""
    runs = instance.get_runs(dg.RunsFilter(statuses=list(ACTIVE_STATUSES)))
    return [run for run in runs if not jobs or run.job_name in jobs]


def active_days(instance: dg.DagsterInstance) -> dict[date, str]:
    """Day → the run that is queued or running for it."""
    return {day: run.run_id for run in active_runs(instance) for day in days_from_tags(run.tags)}


def requested_run(instance: dg.DagsterInstance, sensor: str, key: str) -> dg.DagsterRun | None:
    """The run that this sensor has asked for under this key, if any."""
    return next(iter(instance.get_runs(dg.RunsFilter(tags={SENSOR_TAG: sensor, RUN_KEY_TAG: key}), limit=1)), None)


def is_interrupted(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether the run ended through no fault of its own: it was killed, or somebody pressed Ctrl-C in its terminal."""
    if run.status is not DagsterRunStatus.FAILURE:
        return False
    failure_entries = instance.all_logs(run.run_id, of_type=DagsterEventType.RUN_FAILURE)
    errors = [
        entry.dagster_event.job_failure_data.error for entry in failure_entries if entry.dagster_event is not None
    ]
    by_hand = any(error is not None and error.cls_name == INTERRUPTED_ERROR for error in errors)
    return by_hand or KILLED_TAG in run.tags


def next_run_key(instance: dg.DagsterInstance, sensor: str, key: str) -> tuple[str, dg.DagsterRun | None]:
    """(The key to ask under, the run that has answered it already, if any).

    A run that was interrupted has answered nothing: it is asked for again under another key, AGAIN times.
    """
    for number in range(MAX_INTERRUPTED_RETRIES + 1):
        name = f"{key} again {number}" if number else key
        run = requested_run(instance, sensor, name)
        if run is None or not is_interrupted(instance, run):
            break
    return name, run
