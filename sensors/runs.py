"""Dagster's runs as sensors need them: active runs, and runs that were requested before."""

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
KILLED_TAG: Final = "freshet/killed"  # on runs whose process had died
INTERRUPTED_ERROR: Final = dg.DagsterExecutionInterruptedError.__name__
MAX_INTERRUPTED_RETRIES: Final = 3  # per requested run

ACTIVE_STATUSES: Final = (
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
)


def active_runs(instance: dg.DagsterInstance, jobs: tuple[str, ...] = ()) -> list[dg.DagsterRun]:
    """Return queued and running runs of these jobs, of all jobs by default."""
    runs = instance.get_runs(dg.RunsFilter(statuses=list(ACTIVE_STATUSES)))
    return [run for run in runs if not jobs or run.job_name in jobs]


def active_days(instance: dg.DagsterInstance) -> dict[date, str]:
    """Return landing day → id of the run that is queued or running for it."""
    return {day: run.run_id for run in active_runs(instance) for day in days_from_tags(run.tags)}


def requested_run(instance: dg.DagsterInstance, sensor: str, key: str) -> dg.DagsterRun | None:
    """Return the run that this sensor requested under this run key, None if there is none."""
    return next(iter(instance.get_runs(dg.RunsFilter(tags={SENSOR_TAG: sensor, RUN_KEY_TAG: key}), limit=1)), None)


def is_interrupted(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether the run failed because it was killed or interrupted (Ctrl-C)."""
    if run.status is not DagsterRunStatus.FAILURE:
        return False
    failure_entries = instance.all_logs(run.run_id, of_type=DagsterEventType.RUN_FAILURE)
    errors = [
        entry.dagster_event.job_failure_data.error for entry in failure_entries if entry.dagster_event is not None
    ]
    was_interrupted = any(error is not None and error.cls_name == INTERRUPTED_ERROR for error in errors)
    return was_interrupted or KILLED_TAG in run.tags


def next_run_key(instance: dg.DagsterInstance, sensor: str, key: str) -> tuple[str, dg.DagsterRun | None]:
    """Return (the run key to request, the run that was requested under it already or None).

    An interrupted run is requested again under another key, at most MAX_INTERRUPTED_RETRIES times.
    """
    for number in range(MAX_INTERRUPTED_RETRIES + 1):
        name = f"{key} again {number}" if number else key
        run = requested_run(instance, sensor, name)
        if run is None or not is_interrupted(instance, run):
            break
    return name, run
