"""Convert step results to run records and model versions for MLflow."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from freshet.artifacts import BundleRef, EvaluationRef, ModelRef, TrainingSetRef, TuningRef
from freshet.releases.journal import bundle_path
from freshet.runtime import code_version
from freshet.steps.step_result import StepResult
from freshet.store import Store
from freshet.tracking.records import MetricPoint, ModelVersion, RunRecord

if TYPE_CHECKING:
    from freshet.steps.bundle.build import VerifiedBundle
    from freshet.steps.evaluation.records import EvaluationRecord
    from freshet.training.trainer import TrainingResult
    from freshet.tuning.search import TrialResult, TuningResult

NDCG_METRIC = "ndcg@10"


def training_run_record(
    step_result: "StepResult[TrainingResult, ModelRef]", data: TrainingSetRef, now: datetime
) -> RunRecord:
    """Return the record of a training that ended at `now`: parameters, curves, cost, gate."""
    training, ref = step_result.value, step_result.ref
    curves = [(NDCG_METRIC, p.ndcg_at_10, p) for p in training.curve] + [("loss", p.loss, p) for p in training.curve]
    return RunRecord(
        key="" if ref is None else model_run_key(ref),
        name=f"trained_model {data.as_of}",
        started_at=now - timedelta(seconds=training.seconds),
        seconds=training.seconds,
        parameters=training.params.model_dump(),
        metrics={
            "best_epoch": training.best.epoch,
            "best_ndcg@10": training.best.ndcg_at_10,
            "seconds": training.seconds,
            "interactions_per_second": training.events_per_second,
            "peak_memory_mib": training.peak_memory / 2**20,
        },
        points=tuple(MetricPoint(name, value, p.epoch, p.seconds) for name, value, p in curves),
        tags={**_run_tags(data), "device": training.device, "gate": step_result.message() or "passed"},
        failed=ref is None,
    )


def tuning_run_record(
    step_result: "StepResult[TuningResult, TuningRef]", data: TrainingSetRef, now: datetime
) -> RunRecord:
    """Return the record of a tuning study, with a child record for every finished trial."""
    tuning = step_result.value
    started_at = now - timedelta(seconds=tuning.seconds)
    finished_trials = [trial for trial in tuning.trials if trial.status in ("complete", "pruned", "failed")]
    best_metrics = (
        {}
        if tuning.best_trial is None or tuning.best_trial.score is None
        else {"best_ndcg@10": tuning.best_trial.score}
    )
    return RunRecord(
        key=f"study {tuning.study_name}",
        name=f"tuning {data.as_of}",
        started_at=started_at,
        seconds=tuning.seconds,
        metrics={"trials": len(tuning.trials), "complete": len(tuning.completed_trials), **best_metrics},
        tags={**_run_tags(data), "study": tuning.study_name, "gate": step_result.message() or "passed"},
        children=tuple(_trial_record(tuning, trial, started_at) for trial in finished_trials),
    )


def bundle_version(step_result: "StepResult[VerifiedBundle | None, BundleRef]", store: Store) -> ModelVersion | None:
    """Return the bundle as a model version, None if its gate refused it."""
    if step_result.ref is None or step_result.value is None:
        return None
    return _model_version(step_result.ref, store, {"precision": step_result.value.bundle.manifest.precision})


def evaluation_run_record(record: "EvaluationRecord", ref: BundleRef, now: datetime) -> RunRecord:
    """Return the metrics of all evaluated scorers, as an extension of the challenger's training run."""
    table = record.evaluation.table
    return RunRecord(
        key=model_run_key(ref.model),
        name=f"trained_model {ref.model.training_set.as_of}",
        started_at=now,
        metrics={f"{scorer}/{metric}": value for scorer, row in table.items() for metric, value in row.items()},
        tags={"verdict": record.verdict.sentence, "rule": record.verdict.rule},
    )


def release_version(ref: EvaluationRef, release: str, store: Store) -> ModelVersion:
    """Return the released bundle as a model version with the release's number."""
    return _model_version(ref.bundle, store, {"release": release})


def model_run_key(ref: ModelRef) -> str:
    """Return the key of a model's training run."""
    return f"model {ref.id}"


def _model_version(ref: BundleRef, store: Store, tags: Mapping[str, str]) -> ModelVersion:
    location = store.full_path(bundle_path(ref.id))
    return ModelVersion(ref.id, location, model_run_key(ref.model), {"model": ref.model.id, **tags})


def _trial_record(tuning: "TuningResult", trial: "TrialResult", started_at: datetime) -> RunRecord:
    return RunRecord(
        key=f"trial {trial.number} of {tuning.study_name}",
        name=f"trial {trial.number}{' (default)' if trial.is_default else ''}",
        started_at=started_at,
        seconds=trial.seconds,
        parameters=tuning.params_of(trial).model_dump() if trial.score is not None else trial.parameters,
        metrics={} if trial.score is None else {"best_ndcg@10": trial.score},
        points=tuple(MetricPoint(NDCG_METRIC, value, epoch, 0.0) for epoch, value in sorted(trial.curve.items())),
        tags={"state": trial.status, **({"why": trial.prune_reason} if trial.prune_reason else {})},
    )


def _run_tags(data: TrainingSetRef) -> dict[str, str]:
    snapshots = {f"snapshot.{table}": str(number) for table, number in data.snapshots.items()}
    return {"code": code_version(), "as_of": str(data.as_of), "train_until": str(data.train_until), **snapshots}
