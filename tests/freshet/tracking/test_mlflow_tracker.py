"""The MLflow tracker on a real database: records are read back with MLflow's own client."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from freshet.settings import Settings
from freshet.tracking.mlflow_tracker import (
    MlflowTracker,
    TrackingError,
    open_tracker,
    redact_url,
    shop_name,
)
from freshet.tracking.records import MetricPoint, ModelVersion, RunRecord

STARTED_AT = datetime(2024, 3, 4, 5, 6, tzinfo=UTC)
TRAINING_RECORD = RunRecord(
    key="model 1a2b",
    name="trained_model 2024-03-03",
    started_at=STARTED_AT,
    seconds=60.0,
    parameters={"width": 64},
    metrics={"best_ndcg@10": 0.3},
    points=(MetricPoint("loss", 5.0, 1, 20.0), MetricPoint("loss", 4.0, 2, 40.0)),
    tags={"gate": "passed"},
)


@pytest.fixture(scope="module")
def tracker(tmp_path_factory) -> MlflowTracker:
    """A tracker whose folder is created by its first record."""
    folder = tmp_path_factory.mktemp("tracking") / "new"
    shop_tracker = open_tracker(Settings(_env_file=None, lake="/shops/retail", mlflow_uri=SecretStr(str(folder))))
    assert shop_tracker is not None
    shop_tracker.log_run(TRAINING_RECORD)
    return shop_tracker


@pytest.fixture(scope="module")
def mlflow_client(tracker):
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=tracker.uri, registry_uri=tracker.uri)


def runs_by_name(tracker: MlflowTracker, client) -> dict[str, object]:
    experiment = client.get_experiment_by_name(tracker.shop)
    return {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}


def test_without_the_setting_there_is_no_tracker():
    assert open_tracker(Settings(_env_file=None)) is None


def test_a_run_has_its_parameters_metrics_and_curves_with_their_times(tracker, mlflow_client):
    run = runs_by_name(tracker, mlflow_client)["trained_model 2024-03-03"]
    assert run.data.params == {"width": "64"}
    assert run.data.metrics == {"best_ndcg_at_10": 0.3, "loss": 4.0}
    assert (run.data.tags["gate"], run.info.status) == ("passed", "FINISHED")
    start_ms = STARTED_AT.timestamp() * 1000
    assert (run.info.start_time, run.info.end_time) == (start_ms, start_ms + 60_000)
    curve = mlflow_client.get_metric_history(run.info.run_id, "loss")
    assert [(p.step, p.value, p.timestamp - start_ms) for p in curve] == [(1, 5.0, 20_000), (2, 4.0, 40_000)]


def test_a_second_record_with_the_same_key_extends_the_run(tracker, mlflow_client):
    n_runs = len(runs_by_name(tracker, mlflow_client))
    tracker.log_run(
        RunRecord(
            TRAINING_RECORD.key,
            TRAINING_RECORD.name,
            STARTED_AT,
            metrics={"champion/ndcg@10": 0.2},
            tags={"verdict": "better"},
        )
    )
    run = runs_by_name(tracker, mlflow_client)["trained_model 2024-03-03"]
    assert len(runs_by_name(tracker, mlflow_client)) == n_runs
    assert run.data.metrics["champion/ndcg_at_10"] == 0.2
    assert run.data.tags["verdict"] == "better"


def test_trials_are_nested_runs_of_the_study_each_once(tracker, mlflow_client):
    trials = [RunRecord(f"trial {n} of s", f"trial {n}", STARTED_AT, parameters={"width": 8 * n}) for n in (1, 2)]
    parent = tracker.log_run(RunRecord("study s", "search", STARTED_AT, children=(trials[0],)))
    assert tracker.log_run(RunRecord("study s", "search", STARTED_AT, children=tuple(trials))) == parent
    nested = [
        r for r in runs_by_name(tracker, mlflow_client).values() if r.data.tags.get("mlflow.parentRunId") == parent
    ]
    assert sorted(run.info.run_name for run in nested) == ["trial 1", "trial 2"]


def test_a_bundle_is_registered_once_and_the_champion_alias_moves_with_releases(tracker, mlflow_client):
    first = ModelVersion("aaa", "/shops/retail/bundles/aaa", TRAINING_RECORD.key, {"precision": "int8"})
    second = ModelVersion("bbb", "s3://shop/bundles/bbb")
    assert (tracker.register_version(first), tracker.register_version(first), tracker.set_champion_alias(second)) == (
        "1",
        "1",
        "2",
    )
    assert mlflow_client.get_model_version_by_alias(tracker.shop, "champion").source == "s3://shop/bundles/bbb"
    assert tracker.set_champion_alias(ModelVersion("aaa", first.path, tags={"release": "3"})) == "1"  # a rollback
    champion = mlflow_client.get_model_version_by_alias(tracker.shop, "champion")
    assert champion.tags == {"bundle": "aaa", "precision": "int8", "release": "3"}
    assert champion.source == "freshet:/shops/retail/bundles/aaa"
    assert champion.run_id == runs_by_name(tracker, mlflow_client)["trained_model 2024-03-03"].info.run_id


def test_two_lakes_with_the_same_folder_name_are_two_shops():
    assert shop_name("/one/retail").startswith("freshet-retail-")
    assert shop_name("/one/retail") != shop_name("/two/retail")


def test_a_folder_becomes_a_sqlite_database_and_a_password_is_not_shown(tmp_path):
    folder_tracker = open_tracker(Settings(_env_file=None, mlflow_uri=SecretStr(str(tmp_path))))
    assert folder_tracker.uri == f"sqlite:///{tmp_path}/mlflow.db"
    assert redact_url("https://me:secret@host:5000/x") == "https://…@host:5000/x"
    assert redact_url("http://host:5000") == "http://host:5000"


def test_a_server_that_does_not_answer_is_an_error_without_its_password():
    with pytest.raises(TrackingError) as error:
        MlflowTracker("http://me:secret@127.0.0.1:9", "freshet-retail", "/shops/retail").log_run(TRAINING_RECORD)
    assert str(error.value) == (
        "FRESHET_MLFLOW_URI: http://…@127.0.0.1:9 does not answer; "
        "start the server, correct FRESHET_MLFLOW_URI, or unset it"
    )


def test_a_folder_that_cannot_be_created_is_an_error(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TrackingError) as error:
        MlflowTracker(f"sqlite:///{tmp_path}/file/new/mlflow.db", "freshet-retail", "/shops/retail").log_run(
            TRAINING_RECORD
        )
    assert str(error.value) == (
        f"FRESHET_MLFLOW_URI: sqlite:///{tmp_path}/file/new/mlflow.db refuses "
        f"([Errno 20] Not a directory: '{tmp_path}/file/new'); "
        "start the server, correct FRESHET_MLFLOW_URI, or unset it"
    )


def test_a_missing_database_driver_is_named(monkeypatch):
    def raise_missing(*_: object) -> None:
        raise ModuleNotFoundError("No module named 'psycopg'", name="psycopg")

    monkeypatch.setattr("freshet.tracking.mlflow_tracker._client", raise_missing)
    with pytest.raises(TrackingError) as error:
        MlflowTracker("postgresql://me:secret@host/x", "freshet-retail", "/shops/retail").log_run(TRAINING_RECORD)
    assert str(error.value) == (
        "FRESHET_MLFLOW_URI: psycopg is not installed, which postgresql://…@host/x needs; "
        "pip install psycopg, or unset it"
    )
