"""The search: one configuration after another trained on the same lesson, the poor ones given up early."""

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
)

PRUNE_REASON_KEY: Final = "why"  # attribute of a trial that was given up
OUT_OF_MEMORY: Final = "it does not fit into the device's memory"
MIN_IMPORTANCE_TRIALS: Final = 4  # complete trials below which importances say nothing

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
    """One configuration and how it did."""

    number: int
    status: TrialStatus
    parameters: Mapping[str, Any]  # of the space; the rest is the base's
    score: float | None  # NDCG@10 of the held-out baskets, of the best epoch; None where it did not go to its end
    curve: Mapping[int, float]  # epoch → NDCG@10
    seconds: float
    is_default: bool
    prune_reason: str  # it was given up


@dataclass(frozen=True)
class TuningResult:
    """What a search found."""

    study_name: str
    base_params: TrainParams
    trials: tuple[TrialResult, ...]
    importance: Mapping[str, float]  # parameter → share of what made trials good; empty where too few say so
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
        """The trial with the highest score; of equals the first."""
        return max(self.completed_trials, key=lambda trial: trial.score or 0.0, default=None)

    def params_of(self, trial: TrialResult) -> TrainParams:
        """All of a trial's configuration."""
        return TrainParams(**{**self.base_params.model_dump(), **trial.parameters})


@dataclass(frozen=True)
class TuningJob:
    """What a trial trains on, and how."""

    train_split: TrainValidationSplit
    vocabulary: Vocabulary
    base_params: TrainParams
    space: SearchSpace
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    progress: Callable[[str], None] = field(default=lambda _: None)


def tune(
    job: TuningJob, params: TuningParams, database_url: str, name: str, heartbeat_s: int = HEARTBEAT_S
) -> TuningResult:
    """Tries configurations until `params` says it is enough; goes on with a study that exists.

    The default configuration is the first trial and is never given up: it is what has to be beaten. Raises FreshetError
    where the device is not there or the database cannot be opened.
    """
    devices.select_device(job.device)  # else every trial would fail for it
    started = time.perf_counter()
    study = open_study(database_url, name, params, job.base_params.max_epochs or EPOCH_LIMITS[1], heartbeat_s)
    resume_study(study, {key: getattr(job.base_params, key) for key in job.space}, job.progress, heartbeat_s)
    deadline = started + 60 * params.max_minutes
    if count_finished(study) < params.n_trials:
        stop_callback = MaxTrialsCallback(params.n_trials, states=FINISHED_STATES)
        remaining_s = max(0.0, deadline - time.perf_counter())
        # A trial that was given up stands in a cycle with its exception, model and all: collect it before the next.
        study.optimize(
            partial(_objective, job, params, deadline),
            timeout=remaining_s,
            callbacks=[stop_callback, partial(_log_trial, job.progress)],
            gc_after_trial=True,
        )
    return TuningResult(name, job.base_params, _trial_results(study), _importance(study), time.perf_counter() - started)


def _objective(job: TuningJob, params: TuningParams, deadline: float, trial: optuna.Trial) -> float:
    """Trains what the sampler suggests. A configuration that cannot be trained is given up, the search is not."""
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
    except RuntimeError as error:  # so do CPU and cuBLAS say it
        if not any(word in str(error).lower() for word in ("allocate", "alloc_failed", "out of memory")):
            raise
        raise _prune(trial, OUT_OF_MEMORY) from None


def _suggest(trial: optuna.Trial, name: str, space: SearchSpace) -> Any:
    dimension = space[name]
    if isinstance(dimension, Categorical):
        return trial.suggest_categorical(name, dimension.values)
    return trial.suggest_float(name, dimension.low, dimension.high, log=dimension.log)


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
        raise _prune(trial, f"behind the others after epoch {metrics.epoch}")
    if time.perf_counter() > deadline:
        raise _prune(trial, f"the search's {params.max_minutes:g} minutes were over after epoch {metrics.epoch}")


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
    progress(f"trial {trial.number} is over: {result}; the best so far is {best:.4f}")


def _trial_results(study: optuna.Study) -> tuple[TrialResult, ...]:
    return tuple(_trial_result(frozen) for frozen in study.get_trials(deepcopy=False))


def _trial_result(frozen: optuna.trial.FrozenTrial) -> TrialResult:
    return TrialResult(
        number=frozen.number,
        status=STATUS_BY_STATE[frozen.state],
        parameters=dict(frozen.params),
        score=frozen.value if frozen.state == TrialState.COMPLETE else None,
        curve=dict(frozen.intermediate_values),
        seconds=frozen.duration.total_seconds() if frozen.duration else 0.0,
        is_default=bool(frozen.user_attrs.get(DEFAULT_TRIAL_KEY)),
        prune_reason=str(frozen.user_attrs.get(PRUNE_REASON_KEY, "")),
    )


def _importance(study: optuna.Study) -> Mapping[str, float]:
    """PED-ANOVA (Watanabe, Bansal and Hutter 2023): how much a parameter decided whether a trial was among the best."""
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(complete) < MIN_IMPORTANCE_TRIALS:
        return {}
    return get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
