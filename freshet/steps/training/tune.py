"""The asset `tuning`, without Dagster: run the trials, check the gate, publish the best parameters."""

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from freshet.artifacts import TrainingSetRef, TuningRef
from freshet.errors import FreshetError
from freshet.settings import Settings
from freshet.steps.step_result import StepResult, run_gate
from freshet.tables.reader import load_training_set
from freshet.tuning.space import base_params, search_space

if TYPE_CHECKING:
    from freshet.tuning.search import TuningResult
    from freshet.tuning.space import TuningParams

STUDY_FILE = "studies.db"


def tune_parameters(
    settings: Settings, ref: TrainingSetRef, params: "TuningParams", progress: Callable[[str], None] = lambda _: None
) -> "StepResult[TuningResult, TuningRef]":
    """Tune on the training set of `ref`. There is a reference only if the best trial beats the default configuration.

    Raises FreshetError if the training set is too small, or `params` names unknown parameters.
    """
    from freshet.training.split import split_training_set
    from freshet.tuning.search import TuningJob, tune
    from freshet.tuning.study import study_name

    requested_params = base_params(params)
    search_space(params, requested_params)  # fails early, before data is read
    data = load_training_set(settings, ref)
    train_split = split_training_set(data, requested_params)
    # Defaults given by a rule are resolved: the first trial needs numbers.
    resolved_params = requested_params.resolve_defaults(len(train_split.dataset.items), len(data.vocabulary))
    space = search_space(params, resolved_params)
    training_set = {**ref.dump_former(), "item_inputs": settings.item_schema}  # hashed: names must not change
    study = study_name(training_set, resolved_params, space)
    job = TuningJob(train_split, data.vocabulary, resolved_params, space, settings.training_device, progress)
    result = tune(job, params, study_database_url(settings), study)
    return finish_tuning(settings, result, ref, params)


def finish_tuning(
    settings: Settings, result: "TuningResult", ref: TrainingSetRef, params: "TuningParams"
) -> "StepResult[TuningResult, TuningRef]":
    """Return the result with its gate report, and a reference if the best trial beats the default configuration."""
    gate = run_gate("tuning", profile(result, params), settings)
    tuning_ref = None if gate.refusal_reasons() or ndcg_gain(result) <= 0 else _tuning_ref(result, ref)
    return StepResult(gate, result, tuning_ref)


def study_database_url(settings: Settings) -> str:
    """Return the URL of the study database: the setting, or an SQLite file of this machine, whose folder is created.

    Raises FreshetError if the folder cannot be created.
    """
    if settings.optuna_storage is not None:
        return settings.optuna_storage.get_secret_value()
    try:
        settings.gateway_state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        fix = "make it writable, or set FRESHET_GATEWAY_STATE_DIR to a writable folder"
        raise FreshetError(str(settings.gateway_state_dir), f"cannot be created ({error.strerror})", fix) from None
    return f"sqlite:///{settings.gateway_state_dir / STUDY_FILE}"


def profile(result: "TuningResult", params: "TuningParams") -> Mapping[str, object]:
    """Return the metrics that the gate checks."""
    scores = [trial.score for trial in result.completed_trials if trial.score is not None]
    default_reasons = [trial.prune_reason or trial.status for trial in result.trials if trial.is_default]
    return {
        "trials": len(result.trials),
        "completed": len(scores),
        "min_trials": params.min_completed_trials,
        "missing_trials": max(0, params.min_completed_trials - len(scores)),
        "default_missing": int(result.default_trial is None),
        "default_missing_reason": default_reasons[-1] if default_reasons else "it was not tried",
        "not_finite": sum(not math.isfinite(score) for score in scores),
        "winner_is_better": int(ndcg_gain(result) > 0),
        "sentence": sentence(result),
    }


def ndcg_gain(result: "TuningResult") -> float:
    """Return the NDCG@10 of the best trial minus that of the default; 0 if one of them is missing."""
    best, default = result.best_trial, result.default_trial
    if best is None or default is None or best.score is None or default.score is None:
        return 0.0
    return best.score - default.score


def sentence(result: "TuningResult") -> str:
    """Return the outcome in one sentence."""
    best, default = result.best_trial, result.default_trial
    if best is None or default is None or best.score is None or default.score is None:
        return "There are no scores to compare."
    trial_counts = f"{len(result.completed_trials)} of {len(result.trials)} trials completed"
    if ndcg_gain(result) <= 0:
        return f"No trial beat the default configuration, NDCG@10 {default.score:.4f} ({trial_counts})."
    return f"Trial {best.number}: NDCG@10 {best.score:.4f} against {default.score:.4f} of the default ({trial_counts})."


def _tuning_ref(result: "TuningResult", training_set: TrainingSetRef) -> TuningRef | None:
    best, default = result.best_trial, result.default_trial
    if best is None or default is None:
        return None
    content: dict[str, Any] = {
        "study": result.study_name,
        "trial": best.number,
        "parameters": result.params_of(best).model_dump(),
        "metrics": {"validation_ndcg@10": best.score, "default_validation_ndcg@10": default.score},
    }
    tuning_id = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return TuningRef(id=tuning_id, training_set=training_set, **content)
