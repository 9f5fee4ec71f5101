"""Studies on the checkerboard: the default first, the poor given up, a killed search goes on."""

import dataclasses
from pathlib import Path

import optuna
import pytest
import torch

from freshet.errors import FreshetError
from freshet.model.lesson import lesson
from freshet.model.params import TrainParams
from freshet.model.search import Found, Job, search
from freshet.model.space import Choice, Range, SearchParams
from freshet.model.study import DEFAULT, open_study, study_name
from freshet.model.training import fit
from tests.checkerboard import checkerboard

pytestmark = pytest.mark.drill

BASE = TrainParams(
    length=8, width=16, vector=16, blocks=1, heads=1, dropout=0.0, max_epochs=2, steps_per_epoch=4, validation_cases=20
)
WORLD = checkerboard()
JOB = Job(lesson(WORLD, BASE), WORLD.vocabulary, BASE, {"dropout": Range(0.0, 0.5)}, "cpu")
HEARTBEAT = 1  # seconds


def database(folder: Path) -> str:
    return f"sqlite:///{folder / 'studies.db'}"


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> tuple[str, Found, list[str]]:
    """Three trials, in the database named, with what was told."""
    told: list[str] = []
    place = database(tmp_path_factory.mktemp("study"))
    job = dataclasses.replace(JOB, tell=told.append)
    return place, search(job, SearchParams(trials=3, pruner="none"), place, "first", HEARTBEAT), told


def test_the_default_is_the_first_trial_and_every_trial_is_told(first):
    _, found, told = first
    assert [(trial.number, trial.state, trial.is_default) for trial in found.trials] == [
        (0, "complete", True),
        (1, "complete", False),
        (2, "complete", False),
    ]
    assert found.trials[0].parameters == {"dropout": 0.0}
    assert len({trial.parameters["dropout"] for trial in found.trials}) == 3
    assert [len(trial.curve) for trial in found.trials] == [2, 2, 2]
    assert found.default is found.trials[0]
    assert told[0].startswith("trial 0 of 3, epoch 1 of at most 2: NDCG@10 0.")
    assert sum("is over: NDCG@10 0." in line for line in told) == 3


def test_the_best_is_the_highest_score_with_all_of_its_parameters(first):
    _, found, _ = first
    assert found.best.score == max(trial.score for trial in found.trials)
    assert found.parameters(found.best) == BASE.model_copy(update=found.best.parameters)
    assert found.best.score == max(found.best.curve.values())


def test_a_search_that_is_over_trains_nothing_and_one_that_may_go_on_tries_something_new(first):
    place, found, _ = first
    again = search(JOB, SearchParams(trials=3, pruner="none"), place, "first", HEARTBEAT)
    assert again.trials == found.trials
    more = search(JOB, SearchParams(trials=4, pruner="none"), place, "first", HEARTBEAT)
    assert more.trials[:3] == found.trials
    assert len({trial.parameters["dropout"] for trial in more.trials}) == 4
    assert (found.importance, more.importance) == ({}, {"dropout": 1.0})  # of three trials nothing can be said


def test_a_trial_that_was_killed_is_marked_failed_and_run_again(tmp_path):
    params = SearchParams(trials=1, pruner="none")
    killed = open_study(database(tmp_path), "killed", params, BASE.max_epochs, HEARTBEAT)
    killed.enqueue_trial({"dropout": 0.0}, user_attrs={DEFAULT: True})
    trial = killed.ask({"dropout": optuna.distributions.FloatDistribution(0.0, 0.5)})
    killed._storage.record_heartbeat(trial._trial_id)  # its last sign of life
    told: list[str] = []
    found = search(dataclasses.replace(JOB, tell=told.append), params, database(tmp_path), "killed", HEARTBEAT)
    assert [(trial.state, trial.parameters, trial.is_default) for trial in found.trials] == [
        ("failed", {"dropout": 0.0}, True),
        ("complete", {"dropout": 0.0}, True),
    ]
    assert told[:2] == [
        "1 trial(s) seem to be running: waiting 3 s for a sign of life",
        "1 interrupted trial(s) will be run again",
    ]


def test_a_configuration_that_cannot_be_trained_is_given_up_with_the_reason_and_the_search_goes_on(tmp_path):
    job = dataclasses.replace(JOB, space={"heads": Choice((1, 3)), "learning_rate": Choice((0.002, 2.0))})
    found = search(job, SearchParams(trials=12, pruner="none"), database(tmp_path), "bad", HEARTBEAT)
    why = {trial.why for trial in found.trials if trial.state == "pruned"}
    assert why == {
        "width 16 is not a multiple of heads 3",
        "learning_rate=2.0: Input should be less than or equal to 1",
    }
    assert len(found.trials) == 12
    assert found.default.score is not None


def test_a_trial_behind_the_others_is_given_up_early_but_never_the_default(tmp_path):
    params = SearchParams(trials=4, before_pruning=1)
    study = open_study(database(tmp_path), "pruned", params, BASE.max_epochs, HEARTBEAT)
    out_of_reach = {1: 2.0, 2: 2.0}  # no NDCG is above 1
    study.add_trial(optuna.create_trial(value=2.0, intermediate_values=out_of_reach))
    found = search(JOB, params, database(tmp_path), "pruned", HEARTBEAT)
    assert [(trial.state, trial.why) for trial in found.trials[1:]] == [
        ("complete", ""),
        ("pruned", "behind the others after epoch 2"),
        ("pruned", "behind the others after epoch 2"),
    ]
    assert found.trials[1].is_default


def test_a_study_is_named_by_training_set_defaults_and_space():
    name = study_name({"as_of": "2024-03-03"}, BASE, JOB.space)
    assert name == study_name({"as_of": "2024-03-03"}, BASE, {"dropout": Range(0.0, 0.5)})
    others = [
        study_name({"as_of": "2024-03-04"}, BASE, JOB.space),
        study_name({"as_of": "2024-03-03"}, BASE.model_copy(update={"blocks": 2}), JOB.space),
        study_name({"as_of": "2024-03-03"}, BASE, {"dropout": Range(0.0, 0.6)}),
    ]
    assert len({name, *others}) == 4


def test_a_database_that_cannot_be_opened_is_named(tmp_path):
    fix = "correct the address, or unset it: the study then lies in an SQLite file under FRESHET_STATE"
    for address, why in (
        (f"sqlite:///{tmp_path}/nowhere/studies.db", "unable to open database file"),
        ("nosuch://host/studies", "Can't load plugin: sqlalchemy.dialects:nosuch"),
    ):
        with pytest.raises(FreshetError) as error:
            search(JOB, SearchParams(trials=1), address, "name", HEARTBEAT)
        assert str(error.value) == f"FRESHET_STUDY_DATABASE: cannot be opened ({why}); {fix}"


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
def test_a_trial_that_needs_more_memory_than_there_is_is_given_up_and_the_search_goes_on(tmp_path, monkeypatch, error):
    calls = []

    def once(*asked: object) -> object:
        calls.append(asked)
        if len(calls) == 2:
            raise error
        return fit(*asked)

    monkeypatch.setattr("freshet.model.search.fit", once)
    found = search(JOB, SearchParams(trials=3, pruner="none"), database(tmp_path), "large", HEARTBEAT)
    assert [trial.state for trial in found.trials] == ["complete", "pruned", "complete"]
    assert found.trials[1].why == "it does not fit into the device's memory"
