"""Hyper-parameter tuning: train trial configurations on the same split, and prune the poor ones early."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Literal

import optuna
import torch
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.study import MaxTrialsCallback
from optuna.trial import TrialState
from pydantic import ValidationError

from freshet.artifacts import rename_former
from freshet.data.vocabulary import Vocabulary
from freshet.errors import FreshetError
from freshet.model import device as devices
from freshet.model.params import EPOCH_LIMITS, TrainParams
from freshet.training.split import TrainValidationSplit
from freshet.training.trainer import EpochMetrics, fit
from freshet.tuning.space import Categorical, SearchSpace, TuningParams, validation_message
from freshet.tuning.study import (
    DEFAULT_TRIAL_KEY,
    FINISHED_STATES,
    HEARTBEAT_S,
    count_finished,
    open_study,
    resume_study,
    stored_name,
)

PRUNE_REASON_KEY: Final = "why"  # attribute of a pruned trial
OUT_OF_MEMORY: Final = "it does not fit into the device's memory"
# Texts of a RuntimeError for a lack of memory: torch's CPU allocator ("DefaultCPUAllocator: can't allocate memory"),
# cuBLAS ("CUBLAS_STATUS_ALLOC_FAILED") and MPS ("MPS backend out of memory").
OUT_OF_MEMORY_TEXTS: Final = ("can't allocate memory", "alloc_failed", "out of memory")
MIN_IMPORTANCE_TRIALS: Final = 4  # completed trials that importances need

TrialStatus = Literal["complete", "pruned", "failed", "running", "waiting"]
STATUS_BY_STATE: Final[Mapping[TrialState, TrialStatus]] = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}


@dataclass(frozen=True)
class TrialResult:
    """One trial: its parameters, its score and its learning curve."""

    number: int
    status: TrialStatus
    parameters: Mapping[str, Any]  # of the search space; the others are those of base_params
    score: float | None  # NDCG@10 of the best epoch; None if it did not complete
    curve: Mapping[int, float]  # epoch → NDCG@10
    seconds: float
    is_default: bool
    prune_reason: str  # "" if it was not pruned


@dataclass(frozen=True)
class TuningResult:
    """The trials of a study and the importance of the parameters."""

    study_name: str
    base_params: TrainParams
    trials: tuple[TrialResult, ...]
    importance: Mapping[str, float]  # parameter → importance; empty for too few completed trials
    seconds: float  # of this run

    @property
    def completed_trials(self) -> tuple[TrialResult, ...]:
        """The trials with a score."""
        return tuple(trial for trial in self.trials if trial.score is not None)

    @property
    def default_trial(self) -> TrialResult | None:
        """The trial of the default configuration."""
        return next((trial for trial in self.completed_trials if trial.is_default), None)

    @property
    def best_trial(self) -> TrialResult | None:
        """The trial with the highest score, the first one of equals."""
        return max(self.completed_trials, key=lambda trial: trial.score or 0.0, default=None)

    def params_of(self, trial: TrialResult) -> TrainParams:
        """Return the complete configuration of a trial."""
        return TrainParams(**{**self.base_params.model_dump(), **trial.parameters})


@dataclass(frozen=True)
class TuningJob:
    """The data and settings that all trials share."""

    train_split: TrainValidationSplit
    vocabulary: Vocabulary
    base_params: TrainParams
    space: SearchSpace
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    progress: Callable[[str], None] = field(default=lambda _: None)


def tune(
    job: TuningJob, params: TuningParams, database_url: str, name: str, heartbeat_s: int = HEARTBEAT_S
) -> TuningResult:
    """Run trials up to the limits of `params`, in a new study or an existing one.

    The default configuration, which is to be beaten, is the first trial and is never pruned. Raises FreshetError if the
    device is not available or the database cannot be opened.
    """
    devices.select_device(job.device)  # checked here, as otherwise every trial would fail
    started = time.perf_counter()
    study = open_study(database_url, name, params, job.base_params.max_epochs or EPOCH_LIMITS[1], heartbeat_s)
    resume_study(study, {key: getattr(job.base_params, key) for key in job.space}, job.progress, heartbeat_s)
    deadline = started + 60 * params.max_minutes
    if count_finished(study) < params.n_trials:
        stop_callback = MaxTrialsCallback(params.n_trials, states=FINISHED_STATES)
        remaining_s = max(0.0, deadline - time.perf_counter())
        # A pruned trial is in a reference cycle with its exception and its model: collect it before the next trial.
        study.optimize(
            partial(_objective, job, params, deadline),
            timeout=remaining_s,
            callbacks=[stop_callback, partial(_log_trial, job.progress)],
            gc_after_trial=True,
        )
    return TuningResult(name, job.base_params, _trial_results(study), _importance(study), time.perf_counter() - started)


def _objective(job: TuningJob, params: TuningParams, deadline: float, trial: optuna.Trial) -> float:
    """Train the suggested configuration and return its NDCG@10; a configuration that cannot be trained is pruned."""
    suggested = {key: _suggest(trial, key, job.space) for key in job.space}
    try:
        train_params = TrainParams(**{**job.base_params.model_dump(), **suggested})
        on_epoch = partial(_report_epoch, job, params, deadline, trial)
        return fit(job.train_split, job.vocabulary, train_params, job.device, on_epoch).best.ndcg_at_10
    except ValidationError as error:
        raise _prune(trial, validation_message(error)) from None
    except FreshetError as error:
        raise _prune(trial, f"{error.where}: {error.what}") from None
    except (torch.OutOfMemoryError, MemoryError):
        raise _prune(trial, OUT_OF_MEMORY) from None
    except RuntimeError as error:
        if not any(text in str(error).lower() for text in OUT_OF_MEMORY_TEXTS):
            raise
        raise _prune(trial, OUT_OF_MEMORY) from None


def _suggest(trial: optuna.Trial, name: str, space: SearchSpace) -> Any:
    dimension = space[name]
    if isinstance(dimension, Categorical):
        return trial.suggest_categorical(stored_name(name), dimension.values)
    return trial.suggest_float(stored_name(name), dimension.low, dimension.high, log=dimension.log)


def _report_epoch(
    job: TuningJob, params: TuningParams, deadline: float, trial: optuna.Trial, metrics: EpochMetrics
) -> None:
    trial.report(metrics.ndcg_at_10, metrics.epoch)
    job.progress(
        f"trial {trial.number} of {params.n_trials}, epoch {metrics.epoch} of at most {metrics.max_epochs}: "
        f"NDCG@10 {metrics.ndcg_at_10:.4f}, {metrics.seconds:.0f} s"
    )
    if trial.user_attrs.get(DEFAULT_TRIAL_KEY):
        return
    if trial.should_prune():
        raise _prune(trial, f"below the other trials after epoch {metrics.epoch}")
    if time.perf_counter() > deadline:
        raise _prune(trial, f"the time limit of {params.max_minutes:g} minutes was over after epoch {metrics.epoch}")


def _prune(trial: optuna.Trial, reason: str) -> optuna.TrialPruned:
    trial.set_user_attr(PRUNE_REASON_KEY, reason)
    return optuna.TrialPruned(reason)


def _log_trial(progress: Callable[[str], None], study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
    best = max((t.value or 0.0 for t in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))), default=0.0)
    result = (
        f"NDCG@10 {trial.value:.4f}"
        if trial.state == TrialState.COMPLETE
        else trial.user_attrs.get(PRUNE_REASON_KEY, "failed")
    )
    progress(f"trial {trial.number} ended: {result}; the best so far is {best:.4f}")


def _trial_results(study: optuna.Study) -> tuple[TrialResult, ...]:
    return tuple(_trial_result(frozen) for frozen in study.get_trials(deepcopy=False))


def _trial_result(frozen: optuna.trial.FrozenTrial) -> TrialResult:
    return TrialResult(
        number=frozen.number,
        status=STATUS_BY_STATE[frozen.state],
        parameters=rename_former(frozen.params, TrainParams.former_names),
        score=frozen.value if frozen.state == TrialState.COMPLETE else None,
        curve=dict(frozen.intermediate_values),
        seconds=frozen.duration.total_seconds() if frozen.duration else 0.0,
        is_default=bool(frozen.user_attrs.get(DEFAULT_TRIAL_KEY)),
        prune_reason=str(frozen.user_attrs.get(PRUNE_REASON_KEY, "")),
    )


def _importance(study: optuna.Study) -> Mapping[str, float]:
    """Return the importance of each parameter for being among the best trials.

    By PED-ANOVA (Watanabe, Bansal and Hutter 2023).
    """
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(complete) < MIN_IMPORTANCE_TRIALS:
        return {}
    importance = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    return rename_former(importance, TrainParams.former_names)
