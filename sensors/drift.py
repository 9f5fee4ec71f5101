"""The shop has drifted away from its champion: retrain, once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import dagster as dg

from freshet.live import journal
from freshet.live.holds import RESUME, held, hold_sentence
from freshet.live.journal import Entry
from freshet.references import DriftRef, TrainingSetRef
from freshet.stages.drift import read_verdict
from resources.lake import Lake
from resources.lake_io import published
from sensors.runs import WHY, Job, next_key, under_way

NAME: Final = "drift"
SECONDS: Final = 10  # between two looks at the last report


@dataclass(frozen=True)
class Retraining:
    """What is asked for. key: one run for a champion and the last day that speaks against it."""

    key: str
    why: str


@dataclass(frozen=True)
class Situation:
    """Everything the decision is made from. sentence: of the report's verdict. hold: the hold in force."""

    report: DriftRef | None
    sentence: str
    serving: Entry | None
    learnable: date | None  # the last day of the training set, if there is one
    retraining: str | None  # the run under way that trains a model
    hold: Entry | None = None


def decide(situation: Situation) -> Retraining | str:
    """The retraining to ask for, or in words why there is none."""
    report, serving = situation.report, situation.serving
    if serving is None and situation.learnable is not None and situation.retraining is None:
        why = f"nothing has been released yet, and there is a training set as of {situation.learnable}"
        return Retraining(f"first {situation.learnable}", why)
    if report is None:
        return "There is no drift report yet; it is made once a release serves and a day has landed after it."
    if serving is None or serving.number != report.release:
        now = "nothing serves" if serving is None else f"release {serving.number} serves"
        return f"The last drift report speaks of release {report.release}, and now {now}."
    if not report.drifted:
        return f"No drift: {situation.sentence}"
    if situation.hold is not None:
        return f"Drift, but {hold_sentence(situation.hold)}. A new model could not serve; {RESUME} ends the hold."
    if situation.retraining is not None:
        return f"A new model is being made already (run {situation.retraining[:8]})."
    key = f"release {report.release} {report.bundle[:12]} {report.last_day}"
    return Retraining(key, situation.sentence)


def drift_sensor(job: Job, trains: tuple[str, ...], config: Mapping[str, Any] | None = None) -> dg.SensorDefinition:
    """The sensor that starts `job` when the last drift report says so.

    trains: names of all jobs that make a model. config: the run configuration; None: the job's own.
    """

    @dg.sensor(
        name=NAME,
        job=job,
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Retrains when the last drift report says that the shop has drifted away from the champion.",
    )
    def drift(context: dg.SensorEvaluationContext, lake: dg.ResourceParam[Lake]) -> dg.RunRequest | dg.SkipReason:
        decision = decide(look(lake, context.instance, trains))
        if isinstance(decision, str):
            return dg.SkipReason(decision)
        key, run = next_key(context.instance, NAME, decision.key)
        if run is not None:
            return dg.SkipReason(_asked(run, decision.key))
        return dg.RunRequest(run_key=key, run_config=config, tags={WHY: decision.why})

    return drift


def look(lake: Lake, instance: dg.DagsterInstance, trains: tuple[str, ...]) -> Situation:
    """The last report, what serves, and whether a model is being made."""
    report = published(lake.store, "drift_report", DriftRef)
    learned = published(lake.store, "training_set", TrainingSetRef)
    drifted = report is not None and report.drifted
    return Situation(
        report=report,
        sentence="" if report is None else read_verdict(lake.store, report.id).sentence,
        serving=journal.serving(lake.store),
        learnable=None if learned is None else learned.as_of,
        hold=held(journal.readable(lake.store)) if drifted else None,  # it reads the whole journal
        retraining=next((run.run_id for run in under_way(instance, trains)), None),
    )


def _asked(run: dg.DagsterRun, key: str) -> str:
    return (
        f"Run {run.run_id[:8]} was the answer to this ({key}) and ended as {run.status.value}; asked again when a "
        "later day has landed or another release serves."
    )
