"""Studies on the checkerboard: the default is the first trial, poor trials are pruned, a killed study is resumed."""

import dataclasses
from pathlib import Path

import optuna
import pytest
import torch

from freshet.errors import FreshetError
from freshet.model.params import TrainParams
from freshet.training.split import split_training_set
from freshet.training.trainer import fit
from freshet.tuning.search import TuningJob, TuningResult, tune
from freshet.tuning.space import Categorical, FloatRange, TuningParams
from freshet.tuning.study import DEFAULT_TRIAL_KEY, open_study, study_name
from tests.checkerboard import checkerboard_set

pytestmark = pytest.mark.drill

BASE_PARAMS = TrainParams(
    max_history=8,
    hidden_dim=16,
    embedding_dim=16,
    n_layers=1,
    n_heads=1,
    dropout=0.0,
    max_epochs=2,
    steps_per_epoch=4,
    max_validation_cases=20,
)
TRAINING_SET = checkerboard_set()
TUNING_JOB = TuningJob(
    split_training_set(TRAINING_SET, BASE_PARAMS),
    TRAINING_SET.vocabulary,
    BASE_PARAMS,
    {"dropout": FloatRange(0.0, 0.5)},
    "cpu",
)
HEARTBEAT_S = 1  # seconds


def study_database(folder: Path) -> str:
    return f"sqlite:///{folder / 'studies.db'}"


@pytest.fixture(scope="module")
def finished_study(tmp_path_factory) -> tuple[str, TuningResult, list[str]]:
    """The URL of a database with a study of three trials, its result and its progress messages."""
    messages: list[str] = []
    study_url = study_database(tmp_path_factory.mktemp("study"))
    job = dataclasses.replace(TUNING_JOB, progress=messages.append)
    return study_url, tune(job, TuningParams(n_trials=3, pruner="none"), study_url, "first", HEARTBEAT_S), messages


def test_the_default_is_the_first_trial_and_progress_is_reported(finished_study):
    _, result, messages = finished_study
    assert [(trial.number, trial.status, trial.is_default) for trial in result.trials] == [
        (0, "complete", True),
        (1, "complete", False),
        (2, "complete", False),
    ]
    assert result.trials[0].parameters == {"dropout": 0.0}
    assert len({trial.parameters["dropout"] for trial in result.trials}) == 3
    assert [len(trial.curve) for trial in result.trials] == [2, 2, 2]
    assert result.default_trial is result.trials[0]
    assert messages[0].startswith("trial 0 of 3, epoch 1 of at most 2: NDCG@10 0.")
    assert sum("ended: NDCG@10 0." in line for line in messages) == 3


def test_the_best_is_the_highest_score_with_all_of_its_parameters(finished_study):
    _, result, _ = finished_study
    assert result.best_trial.score == max(trial.score for trial in result.trials)
    assert result.params_of(result.best_trial) == BASE_PARAMS.model_copy(update=result.best_trial.parameters)
    assert result.best_trial.score == max(result.best_trial.curve.values())


def test_a_finished_study_runs_no_trial_and_a_longer_one_suggests_new_values(finished_study):
    study_url, result, _ = finished_study
    second = tune(TUNING_JOB, TuningParams(n_trials=3, pruner="none"), study_url, "first", HEARTBEAT_S)
    assert second.trials == result.trials
    extended_result = tune(TUNING_JOB, TuningParams(n_trials=4, pruner="none"), study_url, "first", HEARTBEAT_S)
    assert extended_result.trials[:3] == result.trials
    assert len({trial.parameters["dropout"] for trial in extended_result.trials}) == 4
    assert (result.importance, extended_result.importance) == (
        {},
        {"dropout": 1.0},
    )  # three trials are too few


def test_a_trial_that_was_killed_is_marked_failed_and_run_again(tmp_path):
    params = TuningParams(n_trials=1, pruner="none")
    study = open_study(study_database(tmp_path), "killed", params, BASE_PARAMS.max_epochs, HEARTBEAT_S)
    study.enqueue_trial({"dropout": 0.0}, user_attrs={DEFAULT_TRIAL_KEY: True})
    trial = study.ask({"dropout": optuna.distributions.FloatDistribution(0.0, 0.5)})
    study._storage.record_heartbeat(trial._trial_id)  # its last heartbeat
    messages: list[str] = []
    result = tune(
        dataclasses.replace(TUNING_JOB, progress=messages.append),
        params,
        study_database(tmp_path),
        "killed",
        HEARTBEAT_S,
    )
    assert [(trial.status, trial.parameters, trial.is_default) for trial in result.trials] == [
        ("failed", {"dropout": 0.0}, True),
        ("complete", {"dropout": 0.0}, True),
    ]
    assert messages[:2] == [
        "1 trial(s) are marked as running: waiting 3 s for a heartbeat",
        "1 interrupted trial(s) will be run again",
    ]


def test_untrainable_parameters_prune_the_trial_with_a_reason(tmp_path):
    job = dataclasses.replace(
        TUNING_JOB, space={"n_heads": Categorical((1, 3)), "learning_rate": Categorical((0.002, 2.0))}
    )
    result = tune(job, TuningParams(n_trials=12, pruner="none"), study_database(tmp_path), "bad", HEARTBEAT_S)
    reason = {trial.prune_reason for trial in result.trials if trial.status == "pruned"}
    assert reason == {
        "hidden_dim 16 is not a multiple of n_heads 3",
        "learning_rate=2.0: Input should be less than or equal to 1",
    }
    assert len(result.trials) == 12
    assert result.default_trial.score is not None


def test_a_poor_trial_is_pruned_but_never_the_default(tmp_path):
    params = TuningParams(n_trials=4, n_startup_trials=1)
    study = open_study(study_database(tmp_path), "pruned", params, BASE_PARAMS.max_epochs, HEARTBEAT_S)
    out_of_reach = {1: 2.0, 2: 2.0}  # no NDCG is above 1
    study.add_trial(optuna.create_trial(value=2.0, intermediate_values=out_of_reach))
    result = tune(TUNING_JOB, params, study_database(tmp_path), "pruned", HEARTBEAT_S)
    assert [(trial.status, trial.prune_reason) for trial in result.trials[1:]] == [
        ("complete", ""),
        ("pruned", "below the other trials after epoch 2"),
        ("pruned", "below the other trials after epoch 2"),
    ]
    assert result.trials[1].is_default


def test_a_study_is_named_by_training_set_defaults_and_space():
    name = study_name({"as_of": "2024-03-03"}, BASE_PARAMS, TUNING_JOB.space)
    assert name == study_name({"as_of": "2024-03-03"}, BASE_PARAMS, {"dropout": FloatRange(0.0, 0.5)})
    others = [
        study_name({"as_of": "2024-03-04"}, BASE_PARAMS, TUNING_JOB.space),
        study_name({"as_of": "2024-03-03"}, BASE_PARAMS.model_copy(update={"n_layers": 2}), TUNING_JOB.space),
        study_name({"as_of": "2024-03-03"}, BASE_PARAMS, {"dropout": FloatRange(0.0, 0.6)}),
    ]
    assert len({name, *others}) == 4


def test_a_database_that_cannot_be_opened_is_named(tmp_path):
    fix = "correct the address, or unset it to use an SQLite file under FRESHET_GATEWAY_STATE_DIR"
    for address, reason in (
        (f"sqlite:///{tmp_path}/nowhere/studies.db", "unable to open database file"),
        ("nosuch://host/studies", "Can't load plugin: sqlalchemy.dialects:nosuch"),
    ):
        with pytest.raises(FreshetError) as error:
            tune(TUNING_JOB, TuningParams(n_trials=1), address, "name", HEARTBEAT_S)
        assert str(error.value) == f"FRESHET_OPTUNA_STORAGE: cannot be opened ({reason}); {fix}"


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
    ids=["torch", "numpy", "cpu", "cublas"],
)
def test_a_trial_without_enough_memory_is_pruned_and_the_study_goes_on(tmp_path, monkeypatch, error):
    calls = []

    def fail_once(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 2:
            raise error
        return fit(*arguments)

    monkeypatch.setattr("freshet.tuning.search.fit", fail_once)
    result = tune(TUNING_JOB, TuningParams(n_trials=3, pruner="none"), study_database(tmp_path), "large", HEARTBEAT_S)
    assert [trial.status for trial in result.trials] == ["complete", "pruned", "complete"]
    assert result.trials[1].prune_reason == "it does not fit into the device's memory"
