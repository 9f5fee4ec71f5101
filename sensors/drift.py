"""The drift sensor: retrain once when the last drift report says drift."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import dagster as dg

from freshet.artifacts import DriftRef, TrainingSetRef, published
from freshet.releases import journal
from freshet.releases.holds import RESUME_COMMAND, hold_in_force, hold_sentence
from freshet.releases.journal import JournalEntry
from freshet.steps.drift_report import read_verdict
from resources.lake import Lake
from sensors.runs import REASON_TAG, Job, active_runs, next_run_key

SENSOR_NAME: Final = "drift"
INTERVAL_S: Final = 10


@dataclass(frozen=True)
class RetrainDecision:
    """A retraining to request."""

    key: str  # run key: one run per release and last day of the report
    reason: str


@dataclass(frozen=True)
class DriftSensorInputs:
    """Everything that the decision is made from."""

    report: DriftRef | None
    sentence: str  # of the report's verdict
    serving: JournalEntry | None  # the last release
    training_as_of: date | None  # the last day of the training set, None if there is none
    training_run: str | None  # an active run that trains a model
    hold: JournalEntry | None = None  # the hold in force


def decide_retraining(inputs: DriftSensorInputs) -> RetrainDecision | str:
    """Return the retraining to request, or the reason to skip."""
    report, serving = inputs.report, inputs.serving
    if serving is None and inputs.training_as_of is not None and inputs.training_run is None:
        reason = f"there is no release yet, and there is a training set as of {inputs.training_as_of}"
        return RetrainDecision(f"first {inputs.training_as_of}", reason)
    if report is None:
        return "There is no drift report yet; the first one follows the first release and a landing day after it."
    if serving is None or serving.number != report.release:
        current = "there is no release" if serving is None else f"the champion is release {serving.number}"
        return f"The last drift report is about release {report.release}, and {current}."
    if not report.drifted:
        return f"No drift: {inputs.sentence}"
    if inputs.hold is not None:
        hold = f"Drift, but {hold_sentence(inputs.hold)}"
        return f"{hold}. A new model could not be released; {RESUME_COMMAND} ends the hold."
    if inputs.training_run is not None:
        return f"A model is already being trained (run {inputs.training_run[:8]})."
    key = f"release {report.release} {report.bundle[:12]} {report.last_day}"
    return RetrainDecision(key, inputs.sentence)


def drift_sensor(
    job: Job, training_jobs: tuple[str, ...], config: Mapping[str, Any] | None = None
) -> dg.SensorDefinition:
    """Build the sensor that requests `job` when the last drift report says drift.

    training_jobs: names of all jobs that train a model. config: run configuration; None: the job's own.
    """

    @dg.sensor(
        name=SENSOR_NAME,
        job=job,
        minimum_interval_seconds=INTERVAL_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Requests a retraining when the last drift report says drift.",
    )
    def drift(context: dg.SensorEvaluationContext, lake: dg.ResourceParam[Lake]) -> dg.RunRequest | dg.SkipReason:
        decision = decide_retraining(gather_inputs(lake, context.instance, training_jobs))
        if isinstance(decision, str):
            return dg.SkipReason(decision)
        key, run = next_run_key(context.instance, SENSOR_NAME, decision.key)
        if run is not None:
            return dg.SkipReason(_already_requested(run, decision.key))
        return dg.RunRequest(run_key=key, run_config=config, tags={REASON_TAG: decision.reason})

    return drift


def gather_inputs(lake: Lake, instance: dg.DagsterInstance, training_jobs: tuple[str, ...]) -> DriftSensorInputs:
    """Read the last report, the last release, the training set and active training runs."""
    report = published(lake.store, "drift_report", DriftRef)
    training_set = published(lake.store, "training_set", TrainingSetRef)
    drifted = report is not None and report.drifted
    return DriftSensorInputs(
        report=report,
        sentence="" if report is None else read_verdict(lake.store, report.id).sentence,
        serving=journal.last_release_entry(lake.store),
        training_as_of=None if training_set is None else training_set.as_of,
        hold=hold_in_force(journal.readable_entries(lake.store)) if drifted else None,  # reads the whole journal
        training_run=next((run.run_id for run in active_runs(instance, training_jobs)), None),
    )


def _already_requested(run: dg.DagsterRun, key: str) -> str:
    return (
        f"Run {run.run_id[:8]} was requested for this drift ({key}) and ended as {run.status.value}; the next one is "
        "requested for a later day or another release."
    )
