"""A lake, a bundle and a gateway state of the last commit before names were changed, used by today's code.

tests/old_lake/make.sh wrote them at a2c6901. Days 1 to 6 of its shop trained the released model, days 7 and 8 are
published, and the shop's ninth day is landed here.
"""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from freshet import settings as settings_module
from freshet.artifacts import (
    BundleRef,
    ContentEmbeddingsRef,
    DriftRef,
    EdgeRef,
    EvaluationRef,
    ModelRef,
    TrainingSetRef,
    TuningRef,
    published,
)
from freshet.cli.main import app
from freshet.data.pseudonym import load_pseudonym_key
from freshet.evaluation.comparison import CHALLENGER, CHAMPION
from freshet.evaluation.params import EvaluationParams
from freshet.inference.golden_requests import check_golden_requests
from freshet.inference.ranker import open_ranker
from freshet.releases import journal
from freshet.releases.current import current_release
from freshet.serving.clock import system_clock
from freshet.serving.gateway import Gateway
from freshet.serving.state_lock import acquire_state_lock, state_folder
from freshet.settings import FORMER_NAMES, Settings
from freshet.simulation.params import ShopParams
from freshet.steps.evaluation.records import read_evaluation
from freshet.store import open_store
from pipelines.load_simulation import load_shop_params
from tests.old_lake.unpack import locked_folder, unpack
from tests.tiny_gateway import GatewayClient, landed_lines, wait_for

NINTH_DAY = date(2024, 3, 12)
LENIENT = {
    "min_cases": 10,
    "min_shoppers": 5,
    "bootstrap_samples": 200,
    "non_inferiority_margin": 0.9,
    "confidence": 0.51,
}
SHORT_TRAINING = {"max_epochs": 1, "steps_per_epoch": 20}


@pytest.fixture(scope="module", autouse=True)
def _locked_folder():
    with locked_folder():
        yield


@pytest.fixture
def root(monkeypatch) -> Path:
    """The unpacked folder, which is also the working directory; its `.env` is the only source of settings."""
    folder = unpack()
    monkeypatch.chdir(folder)
    for name in (*Settings.model_fields, *FORMER_NAMES.values()):
        monkeypatch.delenv(f"FRESHET_{name.upper()}", raising=False)
    return folder


@pytest.fixture
def settings(root) -> Settings:
    """The settings of the former `.env`, without MLflow."""
    return Settings(_env_file=root / ".env", mlflow_uri=None)


@pytest.fixture
def store(settings):
    return open_store(settings.lake)


def run_freshet(*arguments: str) -> str:
    """What a command prints on stdout. Its error is raised."""
    return CliRunner().invoke(app, arguments, catch_exceptions=False).stdout


def test_every_setting_is_read_under_its_former_name(root, capsys):
    settings = settings_module.load()
    warnings = capsys.readouterr().err.splitlines()
    assert warnings == sorted(
        f"warning: FRESHET_{former.upper()} is now FRESHET_{name.upper()}; the former name still works"
        for name, former in FORMER_NAMES.items()
    )
    assert {name: getattr(settings, name) for name in FORMER_NAMES if name not in ("optuna_storage", "mlflow_uri")} == {
        "precomputed_lists": "first",
        "item_schema": "title:words,category:category,price:number,picture:vector",
        "flush_interval_s": 3600,
        "landing_quiet_period_s": 0,
        "day_rerun_cooldown_s": 30,
        "journal_poll_s": 2,
        "bundle_check_timeout_s": 90,
        "delivery_schedule": "daily",
        "dedup_lookback_days": 5,
        "training_device": "cpu",
        "gateway_state_dir": root / "state",
        "cache_dir": Path("~/.cache/freshet").expanduser(),
        "cost_per_hour_eur": 1.5,
        "max_invalid_share": 0.2,
        "max_skipped_share": 0.9,
        "anomaly_window_days": 14,
        "anomaly_limits": settings.anomaly_limits,
    }
    assert "volume:9:20" in settings.anomaly_limits
    assert settings.optuna_storage.get_secret_value() == f"sqlite:///{root}/state/studies.db"
    assert settings.mlflow_uri.get_secret_value() == str(root / "tracking")


def test_published_references_are_read_under_the_new_asset_names(store):
    training_set = published(store, "training_set", TrainingSetRef)
    assert (training_set.as_of, training_set.train_until) == (date(2024, 3, 9), date(2024, 3, 7))
    assert published(store, "content_embeddings", ContentEmbeddingsRef).dims == {"picture": 4}
    assert published(store, "tuning", TuningRef).training_set == training_set
    assert published(store, "bundle", BundleRef).model.training_set == training_set


def test_the_released_bundle_passes_its_golden_requests(settings, store):
    release = current_release(store, settings.cache_dir)
    assert check_golden_requests(open_ranker(release.bundle)) < 0.05
    assert release.bundle.manifest.max_history == 8
    assert [feature.name for feature in release.bundle.manifest.item_schema] == [
        "title", "category", "price", "picture",
    ]  # fmt: skip


def test_recommendations_are_those_of_the_former_code(root):
    def ranked(text: str) -> list[tuple[str, float]]:
        return [(item, float(score)) for item, score in re.findall(r"^ *\d+  (\S+) +(-?[\d.]+)", text, re.MULTILINE)]

    expected = ranked((root / "recommend.txt").read_text())
    actual = ranked(run_freshet("recommend", "--items", "i0003,i0007", "-k", "5"))
    assert [item for item, _ in actual] == [item for item, _ in expected]
    assert [score for _, score in actual] == pytest.approx([score for _, score in expected], abs=0.05)


def test_the_counts_of_every_day_are_those_of_the_former_code(root):
    def counts(text: str) -> list[list[str]]:
        return [re.findall(r"[\d,]+", line) for line in text.splitlines() if re.match(r"\d", line)]

    assert counts(run_freshet("days")) == counts((root / "days.txt").read_text())
    assert "a sale" in run_freshet("days")


def test_the_journal_is_shown_with_its_hold(root):
    lines = run_freshet("releases").splitlines()
    assert [line.split()[:2] for line in lines[1:4]] == [
        ["*", "1"],
        ["2", lines[2].split()[1]],
        ["3", lines[3].split()[1]],
    ]
    assert lines[2].endswith("stock taking")
    assert lines[3].endswith("done")


def test_an_item_is_explained(root):
    assert "release 1" in run_freshet("explain", "i0005", "--items", "i0003,i0007")


def test_the_card_of_the_release_is_shown(root):
    assert "sequential rules" in run_freshet("card")


def test_the_doctor_finds_the_release(root):
    text = run_freshet("doctor")
    assert "release 1" in text


def test_releases_are_held_and_resumed(root, store):
    run_freshet("release", "--hold", "--why", "a test")
    assert "a test" in run_freshet("releases")
    run_freshet("release", "--resume", "--why", "done")
    assert [entry.kind for entry in journal.read_entries(store)] == ["release", "hold", "resume", "hold", "resume"]


def test_a_rollback_returns_to_the_former_bundle(root, store):
    former_bundle, edge = journal.champion_entry(store).bundle, published(store, "edge_bundle", EdgeRef)
    fields = {"kind": "release", "verdict": "", "why": "", "by": "test", "at": datetime(2026, 11, 28, tzinfo=UTC)}
    journal.append_entry(store, journal.JournalEntry(number=4, decided_on=3, bundle=edge.id, **fields))
    run_freshet("rollback", "--why", "a test")
    assert journal.champion_entry(store).bundle == former_bundle


def test_the_gateway_lands_the_event_that_was_waiting(settings):
    settings = settings.model_copy(update={"flush_interval_s": 0.1, "gateway_port": 0})
    state_lock = acquire_state_lock(state_folder(settings))
    gateway = Gateway(settings, load_pseudonym_key(settings), state_lock.folder, system_clock())
    gateway.start()
    try:
        client = GatewayClient(gateway)
        wait_for(lambda: gateway.active_state.release is not None)
        (line,) = wait_for(lambda: landed_lines(settings.lake))
        assert (line["event_id"], line["item_id"]) == ("waits-1", "i0003")
        event = {"event_id": "waits-1", "user_id": "u00001", "item_id": "i0003", "event_type": "view"}
        assert client.post("/v1/events", event).json()["duplicate"] == 1
        body = client.get("/v1/recommendations", user_id="u00002").json()
        assert (body["release"], body["tier"], len(body["items"])) == (1, "precomputed", 10)
        assert client.get("/v1/items/i0003/similar").json()["items"]
    finally:
        gateway.stop()
        state_lock.release()


def test_the_drift_sensor_requests_a_retraining_from_a_former_report(settings):
    import dagster as dg

    from pipelines.jobs import TRAINING_JOBS
    from resources.lake import Lake
    from sensors.drift import decide_retraining, gather_inputs

    with dg.DagsterInstance.ephemeral() as instance:
        decision = decide_retraining(gather_inputs(Lake(settings), instance, TRAINING_JOBS))
    assert decision.key.startswith("release 1 ")
    assert decision.key.endswith(str(published(open_store(settings.lake), "drift_report", DriftRef).last_day))
    assert "drifted" in decision.reason


def test_the_winner_of_the_former_search_is_trained_with(store):
    from freshet.model.params import TrainParams
    from freshet.steps.training.param_source import resolve_params

    params = resolve_params("tuning", TrainParams(seed=3), store)
    winner = published(store, "tuning", TuningRef)
    assert (params.max_history, params.hidden_dim, params.ensemble_size, params.seed) == (8, 16, 2, 3)
    assert params.learning_rate == winner.parameters["learning_rate"] != TrainParams().learning_rate


def test_the_simulated_shop_goes_on(store):
    shop = load_shop_params(store)
    assert (shop.shoppers, shop.days, shop.views_per_shopper) == (140, 9, 9.0)
    assert shop.catalogue_churn == ShopParams().catalogue_churn


def test_a_model_is_warm_started_and_evaluated_beside_the_former_champion(settings, store):
    from freshet.model.params import TrainParams
    from freshet.steps.bundle.build import make_bundle
    from freshet.steps.evaluation.evaluate import evaluate_bundle
    from freshet.steps.training.param_source import resolve_params
    from freshet.steps.training.train import train_model

    training_set = published(store, "training_set", TrainingSetRef)
    former_model = published(store, "trained_model", ModelRef)
    params = resolve_params("champion", TrainParams(warm_start="on", warm_epochs=1, seed=3, **SHORT_TRAINING), store)
    trained = train_model(settings, store, training_set, params, lambda _: None)
    assert trained.value.warm_start_id == former_model.id
    bundle = make_bundle(settings, store, trained.ref)
    evaluation = evaluate_bundle(settings, store, bundle.ref, EvaluationParams(**LENIENT)).value.record.evaluation
    assert {CHALLENGER, CHAMPION} <= set(evaluation.table)
    former_record = store.get(store.list("evaluations")[0])
    assert f'"{CHALLENGER}"'.encode() in former_record


@pytest.mark.spark
@pytest.mark.dagster
@pytest.mark.drill
def test_the_next_night_trains_and_evaluates_a_model_beside_the_former_champion(settings, store, spark):
    from freshet.ingest.mapping.source_mapping import read_mapping
    from freshet.simulation.shop import generate
    from pipelines.jobs import DAILY_TABLES, DERIVED_ASSETS, MODEL_ASSETS
    from pipelines.load_simulation import deliver_days
    from tests.dagster_runs import DagsterHarness, shared_spark_lake

    former_bundle = journal.champion_entry(store).bundle
    deliver_days(settings, read_mapping(settings.mapping), generate(load_shop_params(store)), range(8, 9))
    run = DagsterHarness(shared_spark_lake(spark, settings)).run(
        *DAILY_TABLES, *DERIVED_ASSETS, *MODEL_ASSETS,
        days=[NINTH_DAY],
        trained_model={"param_source": "champion", "warm_start": "on", "warm_epochs": 1, **SHORT_TRAINING},
        evaluation=LENIENT,
    )  # fmt: skip
    assert run.success, [run.failure_or_none(name) for name in (*DAILY_TABLES, *DERIVED_ASSETS, *MODEL_ASSETS)]
    assert published(store, "training_set", TrainingSetRef).as_of == NINTH_DAY
    evaluation = published(store, "evaluation", EvaluationRef)
    assert evaluation.decided_on == 3  # entries of the journal: a release, a hold and its end
    record = read_evaluation(store, evaluation.id)
    assert record.champion == former_bundle
    assert {CHALLENGER, CHAMPION} <= set(record.evaluation.table)
