"""Whose parameters a model is trained with."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from freshet.errors import FreshetError
from freshet.live.journal import Entry, append, bundle_path
from freshet.model.params import TrainParams
from freshet.references import SearchRef, TrainingSetRef
from freshet.stages.configuration import PUBLISHED, configuration
from freshet.store import Store, open_store

SET = TrainingSetRef(as_of=date(2024, 3, 3), cut=date(2024, 3, 2), snapshots={"training_set": 7})
WINNER = TrainParams(width=128, dropout=0.5)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path))


def publish(store: Store, **more: object) -> None:
    parameters = {**WINNER.model_dump(), **more}
    ref = SearchRef(id="w", training_set=SET, study="s", trial=1, parameters=parameters, metrics={})
    store.put(PUBLISHED, ref.model_dump_json().encode())


def serve(store: Store, bundle: str, parameters: str) -> None:
    manifest = (
        f'{{"created_by": "0", "precision": "fp32", "length": 8, "event_type": "view", "lineage": {{}}, '
        f'"parameters": {parameters}, "metrics": {{}}, "files": {{}}}}'
    )
    store.put(f"{bundle_path(bundle)}/manifest.json", manifest.encode())
    now = datetime(2024, 3, 4, tzinfo=UTC)
    append(
        store,
        Entry(number=1, decided_on=0, kind="release", bundle=bundle, verdict="", why="", metrics={}, at=now, by=""),
    )


def test_the_launchpad_decides_unless_told_otherwise(store):
    publish(store)
    assert configuration("config", TrainParams(blocks=3), store) == TrainParams(blocks=3)


def test_the_winner_of_the_last_search_is_taken_whole_with_what_was_changed_in_the_launchpad_on_top(store):
    publish(store)
    assert configuration("search", TrainParams(), store) == WINNER
    assert configuration("search", TrainParams(dropout=0.3), store) == TrainParams(width=128, dropout=0.3)


def test_a_winner_of_another_version_of_freshet_keeps_what_both_know(store):
    publish(store, long_forgotten=7)
    assert configuration("search", TrainParams(), store) == WINNER


def test_without_a_winner_it_is_said_what_to_do(store):
    with pytest.raises(FreshetError) as error:
        configuration("search", TrainParams(), store)
    assert str(error.value) == (
        "trained_model, `params_from`: no search has found anything better than the defaults yet; "
        "run `dagster asset materialize -m pipelines.definitions --select search`, or leave `params_from` at `config`"
    )


def test_what_serves_keeps_its_configuration(store):
    serve(store, "a" * 64, '{"width": 128, "dropout": 0.5}')
    assert configuration("champion", TrainParams(), store) == WINNER


def test_before_the_first_release_and_where_the_champion_is_lost_the_launchpad_decides(store):
    assert configuration("champion", TrainParams(blocks=3), store) == TrainParams(blocks=3)
    serve(store, "a" * 64, "{}")
    (Path(store.root) / bundle_path("a" * 64) / "manifest.json").unlink()
    assert configuration("champion", TrainParams(blocks=3), store) == TrainParams(blocks=3)


def test_a_champion_whose_manifest_is_damaged_stops_no_training(store):
    serve(store, "a" * 64, "{}")
    (Path(store.root) / bundle_path("a" * 64) / "manifest.json").write_text('{"created_by": ')
    assert configuration("champion", TrainParams(blocks=3), store) == TrainParams(blocks=3)
