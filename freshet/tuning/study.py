"""The Optuna study of a tuning, opened by its name, so that an interrupted tuning is resumed."""

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

HEARTBEAT_S: Final = 10  # a running trial without a heartbeat for twice as long is considered dead
DEFAULT_TRIAL_KEY: Final = "default"  # attribute of the trial of the default configuration
FINISHED_STATES: Final = (TrialState.COMPLETE, TrialState.PRUNED)


def stored_name(parameter: str) -> str:
    """Return a parameter's name in the study database, which is its former one, so that older studies can go on."""
    return TrainParams.former_names.get(parameter, parameter)


def study_name(training_set: Mapping[str, Any], base_params: TrainParams, space: SearchSpace) -> str:
    """Return the same name for the same training set, defaults and space: only then are scores comparable.

    training_set: its reference under the former names of the fields, and the item schema.
    """
    stored_space = {stored_name(name): dimension for name, dimension in space_as_dict(space).items()}
    content = {"training_set": training_set, "base": base_params.dump_former(), "space": stored_space}
    return f"search-{hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]}"


def open_study(
    database_url: str, name: str, params: TuningParams, max_epochs: int, heartbeat_s: int = HEARTBEAT_S
) -> optuna.Study:
    """Return the study of that name, which is created if it does not exist.

    The sampler's seed depends on the number of trials, so that a resumed study does not repeat its suggestions.
    database_url: as of SQLAlchemy. Raises FreshetError if it cannot be opened.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        storage = _storage(database_url, heartbeat_s)
        study = optuna.create_study(storage=storage, study_name=name, direction="maximize", load_if_exists=True)
    except (SQLAlchemyError, ImportError) as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())
        fix = "correct the address, or unset it to use an SQLite file under FRESHET_GATEWAY_STATE_DIR"
        raise FreshetError("FRESHET_OPTUNA_STORAGE", f"cannot be opened ({reason})", fix) from None
    study.sampler = optuna.samplers.TPESampler(seed=params.seed + len(study.get_trials(deepcopy=False)))
    study.pruner = _pruner(params, max_epochs)
    return study


def resume_study(
    study: optuna.Study, default_params: Mapping[str, Any], progress: Callable[[str], None], heartbeat_s: int
) -> None:
    """Mark trials of killed processes as failed and enqueue them again; enqueue the default configuration first.

    Trials that another process is running have a heartbeat and are not touched.
    """
    if n_running := len(study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))):
        progress(f"{n_running} trial(s) are marked as running: waiting {2 * heartbeat_s + 1} s for a heartbeat")
        time.sleep(2 * heartbeat_s + 1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            optuna.storages.fail_stale_trials(study)
    waiting_trials = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    if waiting_trials:
        progress(f"{len(waiting_trials)} interrupted trial(s) will be run again")
    live_states = (TrialState.COMPLETE, TrialState.WAITING, TrialState.RUNNING)
    if not any(DEFAULT_TRIAL_KEY in trial.user_attrs for trial in study.get_trials(deepcopy=False, states=live_states)):
        stored_params = {stored_name(name): value for name, value in default_params.items()}
        study.enqueue_trial(stored_params, user_attrs={DEFAULT_TRIAL_KEY: True})


def count_finished(study: optuna.Study) -> int:
    """Return the number of completed and pruned trials."""
    return len(study.get_trials(deepcopy=False, states=FINISHED_STATES))


def _storage(database_url: str, heartbeat_s: int) -> RDBStorage:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return RDBStorage(
            database_url,
            heartbeat_interval=heartbeat_s,
            # One retry: a trial that gets the process killed for its memory would otherwise be retried for ever.
            heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(max_retry=1),
        )


def _pruner(params: TuningParams, max_epochs: int) -> optuna.pruners.BasePruner:
    if params.pruner == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=params.n_startup_trials, n_warmup_steps=2)
    if params.pruner == "hyperband":
        return optuna.pruners.HyperbandPruner(min_resource=1, max_resource=max_epochs)
    return optuna.pruners.NopPruner()
