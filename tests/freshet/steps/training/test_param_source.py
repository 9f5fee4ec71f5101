"""The source of the training parameters."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from freshet.artifacts import TrainingSetRef, TuningRef, publish
from freshet.errors import FreshetError
from freshet.model.params import TrainParams
from freshet.releases.journal import JournalEntry, append_entry, bundle_path
from freshet.steps.training.param_source import resolve_params
from freshet.store import Store, open_store

TRAINING_SET = TrainingSetRef(as_of=date(2024, 3, 3), train_until=date(2024, 3, 2), snapshots={"training_set": 7})
WINNER_PARAMS = TrainParams(hidden_dim=128, dropout=0.5)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path))


def publish_tuning(store: Store, **overrides: object) -> None:
    parameters = {**WINNER_PARAMS.model_dump(), **overrides}
    ref = TuningRef(id="w", training_set=TRAINING_SET, study="s", trial=1, parameters=parameters, metrics={})
    publish(store, "tuning", ref)


def release_bundle(store: Store, bundle: str, parameters: str) -> None:
    manifest = (
        f'{{"created_by": "0", "precision": "fp32", "max_history": 8, "event_type": "view", "lineage": {{}}, '
        f'"parameters": {parameters}, "metrics": {{}}, "files": {{}}}}'
    )
    store.put(f"{bundle_path(bundle)}/manifest.json", manifest.encode())
    now = datetime(2024, 3, 4, tzinfo=UTC)
    append_entry(
        store,
        JournalEntry(
            number=1, decided_on=0, kind="release", bundle=bundle, verdict="", why="", metrics={}, at=now, by=""
        ),
    )


def test_the_launchpad_decides_by_default(store):
    publish_tuning(store)
    assert resolve_params("config", TrainParams(n_layers=3), store) == TrainParams(n_layers=3)


def test_tuned_parameters_are_used_with_launchpad_changes_on_top(store):
    publish_tuning(store)
    assert resolve_params("tuning", TrainParams(), store) == WINNER_PARAMS
    assert resolve_params("tuning", TrainParams(dropout=0.3), store) == TrainParams(hidden_dim=128, dropout=0.3)


def test_a_tuning_of_an_older_version_is_read(store):
    content = (
        '{"id": "w", "training_set": {"as_of": "2024-03-03", "cut": "2024-03-02", "snapshots": {"training_set": 7}, '
        '"item_vectors": null}, "study": "s", "trial": 1, "parameters": {"width": 128, "dropout": 0.5}, "metrics": {}}'
    )
    store.put("published/search.json", content.encode())
    assert resolve_params("tuning", TrainParams(), store) == WINNER_PARAMS


def test_unknown_parameters_of_another_version_are_ignored(store):
    publish_tuning(store, removed_parameter=7)
    assert resolve_params("tuning", TrainParams(), store) == WINNER_PARAMS


def test_without_a_published_tuning_the_fix_is_given(store):
    with pytest.raises(FreshetError) as error:
        resolve_params("tuning", TrainParams(), store)
    assert str(error.value) == (
        "trained_model, `param_source`: no tuning has found better parameters than the defaults yet; "
        "run `dagster asset materialize -m pipelines.definitions --select tuning`, or set `param_source` to `config`"
    )


def test_the_champion_keeps_its_configuration_under_former_names(store):
    release_bundle(store, "a" * 64, '{"width": 128, "dropout": 0.5}')
    assert resolve_params("champion", TrainParams(), store) == WINNER_PARAMS


def test_without_a_readable_champion_the_launchpad_decides(store):
    assert resolve_params("champion", TrainParams(n_layers=3), store) == TrainParams(n_layers=3)
    release_bundle(store, "a" * 64, "{}")
    (Path(store.root) / bundle_path("a" * 64) / "manifest.json").unlink()
    assert resolve_params("champion", TrainParams(n_layers=3), store) == TrainParams(n_layers=3)


def test_a_damaged_manifest_of_the_champion_stops_no_training(store):
    release_bundle(store, "a" * 64, "{}")
    (Path(store.root) / bundle_path("a" * 64) / "manifest.json").write_text('{"created_by": ')
    assert resolve_params("champion", TrainParams(n_layers=3), store) == TrainParams(n_layers=3)
