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

from freshet.errors import FreshetError
from freshet.model import device as devices
from freshet.model.lesson import Lesson
from freshet.model.params import EPOCHS, TrainParams
from freshet.model.space import Choice, SearchParams, Space, wrong
from freshet.model.study import DEFAULT, HEARTBEAT, SETTLED, go_on, open_study, settled
from freshet.model.training import Progress, fit
from freshet.vocabulary import Vocabulary

WHY: Final = "why"  # attribute of a trial that was given up
TOO_LARGE: Final = "it does not fit into the device's memory"
FEWEST: Final = 4  # complete trials below which importances say nothing

State = Literal["complete", "pruned", "failed", "running", "waiting"]
STATES: Final[Mapping[TrialState, State]] = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}


@dataclass(frozen=True)
class Trial:
    """One configuration and how it did."""

    number: int
    state: State
    parameters: Mapping[str, Any]  # of the space; the rest is the base's
    score: float | None  # NDCG@10 of the held-out baskets, of the best epoch; None where it did not go to its end
    curve: Mapping[int, float]  # epoch → NDCG@10
    seconds: float
    is_default: bool
    why: str  # it was given up


@dataclass(frozen=True)
class Found:
    """What a search found."""

    study: str
    base: TrainParams
    trials: tuple[Trial, ...]
    importance: Mapping[str, float]  # parameter → share of what made trials good; empty where too few say so
    seconds: float  # of this run

    @property
    def complete(self) -> tuple[Trial, ...]:
        """The trials with a score."""
        return tuple(trial for trial in self.trials if trial.score is not None)

    @property
    def default(self) -> Trial | None:
        """The trial of the default configuration."""
        return next((trial for trial in self.complete if trial.is_default), None)

    @property
    def best(self) -> Trial | None:
        """The trial with the highest score; of equals the first."""
        return max(self.complete, key=lambda trial: trial.score or 0.0, default=None)

    def parameters(self, trial: Trial) -> TrainParams:
        """All of a trial's configuration."""
        return TrainParams(**{**self.base.model_dump(), **trial.parameters})


@dataclass(frozen=True)
class Job:
    """What a trial trains on, and how."""

    taught: Lesson
    vocabulary: Vocabulary
    base: TrainParams
    space: Space
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    tell: Callable[[str], None] = field(default=lambda _: None)


def search(job: Job, params: SearchParams, database: str, name: str, heartbeat: int = HEARTBEAT) -> Found:
    """Tries configurations until `params` says it is enough; goes on with a study that exists.

    The default configuration is the first trial and is never given up: it is what has to be beaten. Raises FreshetError
    where the device is not there or the database cannot be opened.
    """
    devices.pick(job.device)  # else every trial would fail for it
    started = time.perf_counter()
    study = open_study(database, name, params, job.base.max_epochs or EPOCHS[1], heartbeat)
    go_on(study, {key: getattr(job.base, key) for key in job.space}, job.tell, heartbeat)
    until = started + 60 * params.max_minutes
    if settled(study) < params.trials:
        enough = MaxTrialsCallback(params.trials, states=SETTLED)
        left = max(0.0, until - time.perf_counter())
        # A trial that was given up stands in a cycle with its exception, model and all: collect it before the next.
        study.optimize(
            partial(_score, job, params, until),
            timeout=left,
            callbacks=[enough, partial(_told, job.tell)],
            gc_after_trial=True,
        )
    return Found(name, job.base, _trials(study), _importance(study), time.perf_counter() - started)


def _score(job: Job, params: SearchParams, until: float, trial: optuna.Trial) -> float:
    """Trains what the sampler suggests. A configuration that cannot be trained is given up, the search is not."""
    suggested = {key: _suggest(trial, key, job.space) for key in job.space}
    try:
        asked = TrainParams(**{**job.base.model_dump(), **suggested})
        after = partial(_after_epoch, job, params, until, trial)
        return fit(job.taught, job.vocabulary, asked, job.device, after).best.ndcg_at_10
    except ValidationError as error:
        raise _given_up(trial, wrong(error)) from None
    except FreshetError as error:
        raise _given_up(trial, f"{error.where}: {error.what}") from None
    except (torch.OutOfMemoryError, MemoryError):
        raise _given_up(trial, TOO_LARGE) from None
    except RuntimeError as error:  # so do CPU and cuBLAS say it
        if not any(word in str(error).lower() for word in ("allocate", "alloc_failed", "out of memory")):
            raise
        raise _given_up(trial, TOO_LARGE) from None


def _suggest(trial: optuna.Trial, name: str, space: Space) -> Any:
    dimension = space[name]
    if isinstance(dimension, Choice):
        return trial.suggest_categorical(name, dimension.values)
    return trial.suggest_float(name, dimension.low, dimension.high, log=dimension.log)


def _after_epoch(job: Job, params: SearchParams, until: float, trial: optuna.Trial, p: Progress) -> None:
    trial.report(p.ndcg_at_10, p.epoch)
    job.tell(
        f"trial {trial.number} of {params.trials}, epoch {p.epoch} of at most {p.epochs}: "
        f"NDCG@10 {p.ndcg_at_10:.4f}, {p.seconds:.0f} s"
    )
    if trial.user_attrs.get(DEFAULT):
        return
    if trial.should_prune():
        raise _given_up(trial, f"behind the others after epoch {p.epoch}")
    if time.perf_counter() > until:
        raise _given_up(trial, f"the search's {params.max_minutes:g} minutes were over after epoch {p.epoch}")


def _given_up(trial: optuna.Trial, why: str) -> optuna.TrialPruned:
    trial.set_user_attr(WHY, why)
    return optuna.TrialPruned(why)


def _told(tell: Callable[[str], None], study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
    best = max((t.value or 0.0 for t in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))), default=0.0)
    how = f"NDCG@10 {trial.value:.4f}" if trial.state == TrialState.COMPLETE else trial.user_attrs.get(WHY, "failed")
    tell(f"trial {trial.number} is over: {how}; the best so far is {best:.4f}")


def _trials(study: optuna.Study) -> tuple[Trial, ...]:
    return tuple(_trial(frozen) for frozen in study.get_trials(deepcopy=False))


def _trial(frozen: optuna.trial.FrozenTrial) -> Trial:
    return Trial(
        number=frozen.number,
        state=STATES[frozen.state],
        parameters=dict(frozen.params),
        score=frozen.value if frozen.state == TrialState.COMPLETE else None,
        curve=dict(frozen.intermediate_values),
        seconds=frozen.duration.total_seconds() if frozen.duration else 0.0,
        is_default=bool(frozen.user_attrs.get(DEFAULT)),
        why=str(frozen.user_attrs.get(WHY, "")),
    )


def _importance(study: optuna.Study) -> Mapping[str, float]:
    """PED-ANOVA (Watanabe, Bansal and Hutter 2023): how much a parameter decided whether a trial was among the best."""
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(complete) < FEWEST:
        return {}
    return get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
