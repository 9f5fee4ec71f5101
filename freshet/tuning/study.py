"""A study in its database: opened by name, so that an interrupted search goes on where it stopped."""

import hashlib
import json
import logging
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final

import optuna
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.trial import TrialState
from sqlalchemy.exc import SQLAlchemyError

from freshet.errors import FreshetError
from freshet.model.params import TrainParams
from freshet.tuning.space import SearchSpace, TuningParams, space_as_dict

log = logging.getLogger("freshet")

HEARTBEAT_S: Final = 10  # seconds; a trial that has not been heard of for twice as long is dead
DEFAULT_TRIAL_KEY: Final = "default"  # attribute of the trial of the default configuration
FINISHED_STATES: Final = (TrialState.COMPLETE, TrialState.PRUNED)


def study_name(training_set: Mapping[str, Any], base_params: TrainParams, space: SearchSpace) -> str:
    """The same for the same training set, defaults and space: scores of one study can be compared."""
    content = {"training_set": training_set, "base": base_params.model_dump(), "space": space_as_dict(space)}
    return f"search-{hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]}"


def open_study(
    database_url: str, name: str, params: TuningParams, max_epochs: int, heartbeat_s: int = HEARTBEAT_S
) -> optuna.Study:
    """The study of that name, made if need be; trials known so far make the sampler's seed, or it would repeat itself.

    database: an SQLAlchemy URL. Raises FreshetError where it cannot be opened.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        storage = _storage(database_url, heartbeat_s)
        study = optuna.create_study(storage=storage, study_name=name, direction="maximize", load_if_exists=True)
    except (SQLAlchemyError, ImportError) as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())
        fix = "correct the address, or unset it: the study then lies in an SQLite file under FRESHET_GATEWAY_STATE_DIR"
        raise FreshetError("FRESHET_OPTUNA_STORAGE", f"cannot be opened ({reason})", fix) from None
    study.sampler = optuna.samplers.TPESampler(seed=params.seed + len(study.get_trials(deepcopy=False)))
    study.pruner = _pruner(params, max_epochs)
    return study


def resume_study(
    study: optuna.Study, default_params: Mapping[str, Any], progress: Callable[[str], None], heartbeat_s: int
) -> None:
    """Trials that a killed search left behind are marked failed and asked for again; the default comes first.

    One that another process is at work on gives a sign of life meanwhile, and is left alone.
    """
    if n_running := len(study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))):
        progress(f"{n_running} trial(s) seem to be running: waiting {2 * heartbeat_s + 1} s for a sign of life")
        time.sleep(2 * heartbeat_s + 1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            optuna.storages.fail_stale_trials(study)
    waiting_trials = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    if waiting_trials:
        progress(f"{len(waiting_trials)} interrupted trial(s) will be run again")
    live_states = (TrialState.COMPLETE, TrialState.WAITING, TrialState.RUNNING)
    if not any(DEFAULT_TRIAL_KEY in trial.user_attrs for trial in study.get_trials(deepcopy=False, states=live_states)):
        study.enqueue_trial(dict(default_params), user_attrs={DEFAULT_TRIAL_KEY: True})


def count_finished(study: optuna.Study) -> int:
    """Trials that came to an end of their own."""
    return len(study.get_trials(deepcopy=False, states=FINISHED_STATES))


def _storage(database_url: str, heartbeat_s: int) -> RDBStorage:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return RDBStorage(
            database_url,
            heartbeat_interval=heartbeat_s,
            # Tried once more: one that has the process killed for its memory would else be tried for ever.
            heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(max_retry=1),
        )


def _pruner(params: TuningParams, max_epochs: int) -> optuna.pruners.BasePruner:
    if params.pruner == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=params.n_startup_trials, n_warmup_steps=2)
    if params.pruner == "hyperband":
        return optuna.pruners.HyperbandPruner(min_resource=1, max_resource=max_epochs)
    return optuna.pruners.NopPruner()
