"""The shop has drifted away from its champion: retrain, once."""

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
INTERVAL_S: Final = 10  # between two looks at the last report


@dataclass(frozen=True)
class RetrainDecision:
    """What is asked for. key: one run for a champion and the last day that speaks against it."""

    key: str
    reason: str


@dataclass(frozen=True)
class DriftSensorInputs:
    """Everything the decision is made from. sentence: of the report's verdict. hold: the hold in force."""

    report: DriftRef | None
    sentence: str
    serving: JournalEntry | None
    training_as_of: date | None  # the last day of the training set, if there is one
    training_run: str | None  # the run under way that trains a model
    hold: JournalEntry | None = None


def decide(inputs: DriftSensorInputs) -> RetrainDecision | str:
    """The retraining to ask for, or in words why there is none."""
    report, serving = inputs.report, inputs.serving
    if serving is None and inputs.training_as_of is not None and inputs.training_run is None:
        reason = f"nothing has been released yet, and there is a training set as of {inputs.training_as_of}"
        return RetrainDecision(f"first {inputs.training_as_of}", reason)
    if report is None:
        return "There is no drift report yet; it is made once a release serves and a day has landed after it."
    if serving is None or serving.number != report.release:
        current = "nothing serves" if serving is None else f"release {serving.number} serves"
        return f"The last drift report speaks of release {report.release}, and now {current}."
    if not report.drifted:
        return f"No drift: {inputs.sentence}"
    if inputs.hold is not None:
        return f"Drift, but {hold_sentence(inputs.hold)}. A new model could not serve; {RESUME_COMMAND} ends the hold."
    if inputs.training_run is not None:
        return f"A new model is being made already (run {inputs.training_run[:8]})."
    key = f"release {report.release} {report.bundle[:12]} {report.last_day}"
    return RetrainDecision(key, inputs.sentence)


def drift_sensor(
    job: Job, training_jobs: tuple[str, ...], config: Mapping[str, Any] | None = None
) -> dg.SensorDefinition:
    """The sensor that starts `job` when the last drift report says so.

    trains: names of all jobs that make a model. config: the run configuration; None: the job's own.
    """

    @dg.sensor(
        name=SENSOR_NAME,
        job=job,
        minimum_interval_seconds=INTERVAL_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Retrains when the last drift report says that the shop has drifted away from the champion.",
    )
    def drift(context: dg.SensorEvaluationContext, lake: dg.ResourceParam[Lake]) -> dg.RunRequest | dg.SkipReason:
        decision = decide(gather_inputs(lake, context.instance, training_jobs))
        if isinstance(decision, str):
            return dg.SkipReason(decision)
        key, run = next_run_key(context.instance, SENSOR_NAME, decision.key)
        if run is not None:
            return dg.SkipReason(_request_answered(run, decision.key))
        return dg.RunRequest(run_key=key, run_config=config, tags={REASON_TAG: decision.reason})

    return drift


def gather_inputs(lake: Lake, instance: dg.DagsterInstance, training_jobs: tuple[str, ...]) -> DriftSensorInputs:
    """The last report, what serves, and whether a model is being made."""
    report = published(lake.store, "drift_report", DriftRef)
    training_set = published(lake.store, "training_set", TrainingSetRef)
    drifted = report is not None and report.drifted
    return DriftSensorInputs(
        report=report,
        sentence="" if report is None else read_verdict(lake.store, report.id).sentence,
        serving=journal.last_release_entry(lake.store),
        training_as_of=None if training_set is None else training_set.as_of,
        hold=hold_in_force(journal.readable_entries(lake.store)) if drifted else None,  # it reads the whole journal
        training_run=next((run.run_id for run in active_runs(instance, training_jobs)), None),
    )


def _request_answered(run: dg.DagsterRun, key: str) -> str:
    return (
        f"Run {run.run_id[:8]} was the answer to this ({key}) and ended as {run.status.value}; asked again when a "
        "later day has landed or another release serves."
    )
