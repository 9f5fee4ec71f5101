"""The asset `tuning` in Dagster, on a real tiny training set."""

from pathlib import Path

import pytest

from freshet.artifacts import TuningRef, publish, published
from tests.dagster_runs import DagsterHarness, shared_spark_lake
from tests.small_shop import TINY_PARAMS

pytestmark = [pytest.mark.drill, pytest.mark.spark, pytest.mark.dagster]

FIXED_PARAMS = {name: value for name, value in TINY_PARAMS.model_dump().items() if name in {
    "max_history", "hidden_dim", "n_layers", "n_heads", "max_epochs", "steps_per_epoch", "max_validation_cases",
}}  # fmt: skip


@pytest.fixture(scope="module")
def dagster(spark, small_shop, tmp_path_factory):
    settings = small_shop.settings.model_copy(update={"gateway_state_dir": tmp_path_factory.mktemp("state")})
    publish(small_shop.store, "training_set", small_shop.training_set)
    yield DagsterHarness(shared_spark_lake(spark, settings))
    for name in ("training_set", "tuning"):
        (Path(settings.lake) / "published" / f"{name}.json").unlink(missing_ok=True)


def test_a_study_publishes_its_winner_if_and_only_if_it_beats_the_default(dagster):
    config = {
        "n_trials": 3,
        "min_completed_trials": 2,
        "pruner": "none",
        "search_params": ["embedding_dim", "learning_rate"],
        "fixed_params": FIXED_PARAMS,
    }
    run = dagster.run("tuning", tuning=config)
    assert run.success, run.failure_or_none("tuning")
    failed = {check.check_name for check in run.checks() if not check.passed}
    ref = published(dagster.lake.store, "tuning", TuningRef)
    assert failed == (set() if ref else {"winner_beats_the_default"})
    assert run.materialized() == (["tuning"] if ref else [])
    assert ref is None or ref.parameters["hidden_dim"] == TINY_PARAMS.hidden_dim


def test_tuning_is_skipped_in_a_run_that_trains_a_model(dagster):
    run = dagster.run("tuning", "trained_model", trained_model=TINY_PARAMS.model_dump())
    assert run.success
    assert run.materialized() == ["trained_model"]
