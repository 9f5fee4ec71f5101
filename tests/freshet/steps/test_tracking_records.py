"""Run records of each step, worked out by hand."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest

from freshet.artifacts import BundleRef, EvaluationRef, ModelRef, TrainingSetRef
from freshet.gates.rules import GateReport
from freshet.model.params import TrainParams
from freshet.steps import tracking_records
from freshet.steps.step_result import StepResult
from freshet.store import open_store
from freshet.tuning.search import TrialResult, TuningResult

NOW = datetime(2024, 3, 4, 5, 6, tzinfo=UTC)
TRAINING_SET = TrainingSetRef(as_of=date(2024, 3, 3), train_until=date(2024, 3, 2), snapshots={"training_set": 7})
MODEL_REF = ModelRef(id="1a2b", training_set=TRAINING_SET, parameters={}, metrics={})
PASSED_REPORT = GateReport("trained_model", ())


@pytest.fixture
def training_result():
    from freshet.training.trainer import EpochMetrics, TrainingResult

    curve = tuple(EpochMetrics(n, 3, 5.0 - n, 0.1 * n, 10.0 * n, 0.0) for n in (1, 2))
    return TrainingResult(
        None, None, TrainParams(), curve, curve[1], None, 0.2, "cpu (2 threads)", 30.0, 1000.0, 3 * 2**20
    )


def test_a_training_record_has_curves_cost_and_data(training_result):
    record = tracking_records.training_run_record(
        StepResult(PASSED_REPORT, training_result, MODEL_REF), TRAINING_SET, NOW
    )
    assert (record.key, record.name, record.failed) == ("model 1a2b", "trained_model 2024-03-03", False)
    assert (record.started_at, record.seconds) == (NOW - timedelta(seconds=30), 30.0)
    assert [(p.name, p.value, p.step, p.seconds) for p in record.points] == [
        ("ndcg@10", 0.1, 1, 10.0),
        ("ndcg@10", 0.2, 2, 20.0),
        ("loss", 4.0, 1, 10.0),
        ("loss", 3.0, 2, 20.0),
    ]
    assert record.metrics == {
        "best_epoch": 2,
        "best_ndcg@10": 0.2,
        "seconds": 30.0,
        "interactions_per_second": 1000.0,
        "peak_memory_mib": 3.0,
    }
    assert record.parameters == TrainParams().model_dump()
    assert record.tags.items() >= {"as_of": "2024-03-03", "snapshot.training_set": "7", "gate": "passed"}.items()


def test_a_training_refused_by_its_gate_is_a_failed_run(training_result):
    record = tracking_records.training_run_record(StepResult(PASSED_REPORT, training_result, None), TRAINING_SET, NOW)
    assert (record.key, record.failed) == ("", True)


def test_a_study_holds_its_finished_trials():
    trials = (
        TrialResult(0, "complete", {"width": 128}, 0.2, {1: 0.1, 2: 0.2}, 5.0, True, ""),
        TrialResult(1, "pruned", {"width": 32}, None, {1: 0.05}, 2.0, False, "behind the others after epoch 1"),
        TrialResult(2, "running", {"width": 64}, None, {1: 0.1}, 1.0, False, ""),
    )
    result = TuningResult("search-9", TrainParams(), trials, {}, 8.0)
    record = tracking_records.tuning_run_record(StepResult(PASSED_REPORT, result, None), TRAINING_SET, NOW)
    assert record.metrics == {"trials": 3, "complete": 1, "best_ndcg@10": 0.2}
    assert [child.name for child in record.children] == ["trial 0 (default)", "trial 1"]
    assert [child.key for child in record.children] == ["trial 0 of search-9", "trial 1 of search-9"]
    assert record.children[0].parameters == TrainParams().model_dump()
    assert record.children[1].tags == {"state": "pruned", "why": "behind the others after epoch 1"}
    assert [(p.step, p.value) for p in record.children[0].points] == [(1, 0.1), (2, 0.2)]


def test_a_bundle_is_a_version_of_its_training_and_gets_the_release_number():
    store, ref = open_store("/shops/retail"), BundleRef(id="b0b", model=MODEL_REF)
    verified_bundle = SimpleNamespace(bundle=SimpleNamespace(manifest=SimpleNamespace(precision="int8")))
    record = tracking_records.bundle_version(StepResult(PASSED_REPORT, verified_bundle, ref), store)
    assert (record.bundle, record.path, record.key) == ("b0b", "/shops/retail/bundles/b0b", "model 1a2b")
    assert record.tags == {"model": "1a2b", "precision": "int8"}
    assert tracking_records.bundle_version(StepResult(PASSED_REPORT, verified_bundle, None), store) is None
    released = tracking_records.release_version(EvaluationRef(id="e", bundle=ref, decided_on=4), "5", store)
    assert released.tags == {"model": "1a2b", "release": "5"}


def test_an_evaluation_extends_the_challengers_training_run():
    table = {"challenger": {"ndcg@10": 0.3}, "popular": {"ndcg@10": 0.1}}
    verdict = SimpleNamespace(sentence="Released: better.", rule="first")
    evaluation_record = SimpleNamespace(evaluation=SimpleNamespace(table=table), verdict=verdict)
    record = tracking_records.evaluation_run_record(evaluation_record, BundleRef(id="b0b", model=MODEL_REF), NOW)
    assert record.key == "model 1a2b"
    assert record.metrics == {"challenger/ndcg@10": 0.3, "popular/ndcg@10": 0.1}
    assert record.tags == {"verdict": "Released: better.", "rule": "first"}
