"""The model card of a shop with two shoppers, figure by figure."""

from datetime import date

import numpy as np

from freshet.artifacts import ModelRef, TrainingSetRef
from freshet.data.history import Histories
from freshet.data.training_set import TrainingSet
from freshet.evaluation.comparison import Evaluation, SliceMetrics
from freshet.evaluation.verdict import Verdict
from freshet.steps.model_card import (
    ModelCardInputs,
    data_summary,
    limitations,
    render_bundle_card,
    render_evaluated_card,
)
from freshet.verification.parity import ParityResult
from tests.tiny_bundle import vocabulary

MODEL = ModelRef(
    id="f" * 64,
    training_set=TrainingSetRef(as_of=date(1970, 1, 13), train_until=date(1970, 1, 11), snapshots={"vocabulary": 7}),
    parameters={"max_history": 50, "learning_rate": 0.003},
    metrics={"epoch": 4, "validation_ndcg@10": 0.123456},
    cost={"device": "cpu (2 threads)", "seconds": 61.5},
)
PARITY_RESULT = ParityResult(
    precision="int8", overlap=0.97, min_overlap=0.95, ndcg=0.1, reference_ndcg=0.1, ndcg_loss=0.0,
    max_difference=0.01, worst_probe="full, batch of 1", worst_overlap=0.9, passed=True,
)  # fmt: skip


def training_set() -> TrainingSet:
    """Ann has six events of a and one of b up to day 10, then c; Bob's first event is on day 12."""
    items = vocabulary().indices([*"aaaaaab", "c", "d", "e"])
    days = np.array([9] * 7 + [12, 12, 12])
    types = np.array([1] * 6 + [3, 1, 1, 1])
    histories = Histories(np.array(["ann", "bob"]), np.array([0, 8, 10]), items, types, np.arange(10) * 86400, days)
    zeros = np.zeros(7)
    return TrainingSet(
        histories, vocabulary(delisted=("f",)), zeros, zeros, np.array([9, 12]), np.array([7, 0]), np.array([1, 0]),
        train_until=10, as_of=12,
    )  # fmt: skip


def card_inputs() -> ModelCardInputs:
    return ModelCardInputs(
        training_set(), MODEL, (PARITY_RESULT,), "int8", {"item_embeddings.npy": 5160516}, "freshet 1"
    )


def test_the_card_counts_the_training_data():
    assert data_summary(training_set()) == {
        "training data": "events landed up to 1970-01-11",
        "held out for evaluation": "1970-01-12 … 1970-01-13, 2 baskets",  # c after Ann's history, e after Bob's d
        "shoppers": "1 in the training data, 2 in all",
        "events": "7 (view 6, purchase 1)",
        "items": "6, 1 of them delisted",
        "items without events": "4",
        "items with 1 to 5 events": "1",
    }


def test_the_card_has_parameters_cost_parity_and_files():
    card = render_bundle_card(card_inputs())
    for line in (
        "# Model card",
        "| events | 7 (view 6, purchase 1) |",
        "Snapshots: vocabulary 7",
        "| validation ndcg@10 | 0.1235 |",
        "| device | cpu (2 threads) |",
        "| seconds | 61.5 |",
        "| learning_rate | 0.003 |",
        f"- {PARITY_RESULT.sentence}",
        "Precision in serving: int8.",
        "| item_embeddings.npy | 5,160,516 bytes |",
        "Built by freshet 1 from model ffffffffffff.",
    ):
        assert line in card.splitlines()


def test_limits_name_this_models_figures():
    figure_limits = limitations(training_set(), MODEL)
    assert figure_limits[0].startswith("It reads a shopper's last 50 events")
    assert figure_limits[1] == (
        "66.7% of the items have no event in the training data: they are ranked by catalogue attributes."
    )


def test_a_missing_cost_is_called_not_recorded():
    card = render_bundle_card(
        ModelCardInputs(training_set(), MODEL.model_copy(update={"cost": {}}), (), "fp32", {}, "freshet 1")
    )
    assert "| cost | not recorded |" in card.splitlines()


def test_the_evaluated_card_has_metrics_slices_and_the_verdict():
    evaluation = Evaluation(
        train_until=10, as_of=12, n_cases=2, n_targets=2, n_unknown_targets=0, ks=(10,), scoring_seconds={},
        table={"challenger": {"ndcg@10": 0.5}, "popular": {"ndcg@10": 0.25}},
        slices={"new shoppers": SliceMetrics(n_cases=1, ndcg={"challenger": 1.0, "popular": 0.0})},
    )  # fmt: skip
    verdict = Verdict(
        released=True, rule="first", sentence="Released: first.", reasons=("it wins",), margin_tests=(), n_cases=2
    )
    lines = render_evaluated_card(render_bundle_card(card_inputs()), evaluation, verdict).splitlines()
    assert lines.index("## Limits") < lines.index("## Evaluation")
    for line in (
        "Baskets that began on the landing days 1970-01-12 … 1970-01-13, after the training data; "
        "all items are ranked.",
        "| ndcg@10 | 0.5000 | 0.2500 |",
        "| new shoppers | 1 | 1.0000 | 0.0000 |",
        "**Verdict.** Released: first.",
        "- it wins",
    ):
        assert line in lines
