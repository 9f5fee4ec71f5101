"""The comparison of challenger, champion and baselines: cases, table, slices, and its JSON."""

import numpy as np
import pytest

from freshet.data.history import Histories
from freshet.data.training_set import TrainingSet
from freshet.evaluation.comparison import Evaluation, SliceMetrics, compare
from freshet.inference.bundle import open_bundle
from freshet.inference.ranker import open_ranker
from tests.tiny_bundle import vocabulary, write_bundle


@pytest.fixture(scope="module")
def ranker(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(folder)
    return open_ranker(open_bundle(folder))


def training_set():
    """Two shoppers with one event by day 10. The next basket of the even one is f, of the odd one the popular b."""
    days = np.array([9, 12, 9, 12])
    return TrainingSet(
        Histories(
            np.array(["even", "odd"]), np.array([0, 2, 4]), vocabulary().indices(["b", "f", "a", "b"]),
            np.ones(4, dtype=np.int64), days * 86400, days,
        ),
        vocabulary(),
        popularity=np.zeros(7),
        audience=np.array([0, 0.5, 0.5, 0, 0, 0, 0]),
        first_days=np.array([9, 9]),
        event_counts=np.array([1, 1]),
        purchase_counts=np.array([0, 0]),
        train_until=10,
        as_of=20,
    )  # fmt: skip


def test_all_scorers_rank_the_same_cases_and_are_in_the_table(ranker):
    messages = []
    comparison = compare(training_set(), ranker, ranker, ks=(1, 3), progress=lambda *words: messages.append(words))
    table = comparison.evaluation.table
    assert list(table) == [
        "challenger", "champion", "sequential rules", "item-to-item", "popular", "encoder alone", "blend alone",
    ]  # fmt: skip
    assert table["challenger"]["hit_rate@1"] == 0.5  # f for the even shopper
    assert table["popular"]["hit_rate@1"] == 0.5  # b for the odd one
    assert table["champion"]["ndcg@3"] == table["challenger"]["ndcg@3"]
    assert {len(scores.n_targets) for scores in comparison.scores.values()} == {2}
    assert ("popular", 2, 2) in messages


def test_metrics_beyond_accuracy_are_in_the_table(ranker):
    table = compare(training_set(), ranker, None, ks=(3,)).evaluation.table
    assert table["popular"]["coverage@3"] == 0.5  # 3 of 6 items
    assert table["challenger"]["coverage@3"] == 1.0
    assert table["popular"]["popularity_share@3"] == 0.0  # the head is a alone, popular shows b e d
    assert table["popular"]["novelty@3"] == pytest.approx(1.0)


def test_slices_count_their_cases(ranker):
    slices = compare(training_set(), ranker, None, ks=(3,)).evaluation.slices
    assert slices["returning shoppers"].n_cases == 2
    assert slices["new shoppers"].n_cases == 0
    assert slices["cold items"].n_cases == 1
    assert slices["cold items"].ndcg["challenger"] == 1.0
    assert slices["cold items"].ndcg["popular"] == 0.0


def test_an_evaluation_comes_back_from_json(ranker):
    evaluation = compare(training_set(), ranker, None).evaluation
    assert Evaluation.model_validate_json(evaluation.model_dump_json()) == evaluation


FORMER_EVALUATION = """{
  "cut": 10, "as_of": 20, "cases": 2, "targets": 3, "unknown_targets": 1, "ks": [10],
  "table": {"popular": {"ndcg@10": 0.5}},
  "slices": {"buyers": {"cases": 1, "ndcg": {"popular": 0.5}}}, "seconds": {"popular": 0.1}, "items": 7,
  "echoes": 0.1, "echoes_before": 0.2, "repeats": 0.3, "repeats_before": 0.4
}"""


def test_an_evaluation_with_the_former_field_names_is_read():
    assert Evaluation.model_validate_json(FORMER_EVALUATION) == Evaluation(
        train_until=10,
        as_of=20,
        n_cases=2,
        n_targets=3,
        n_unknown_targets=1,
        ks=(10,),
        table={"popular": {"ndcg@10": 0.5}},
        slices={"buyers": SliceMetrics(n_cases=1, ndcg={"popular": 0.5})},
        scoring_seconds={"popular": 0.1},
        n_items=7,
        echo_share=0.1,
        reference_echo_share=0.2,
        repeat_share=0.3,
        reference_repeat_share=0.4,
    )


def test_the_table_reads_as_markdown(ranker):
    lines = compare(training_set(), ranker, None, ks=(3,)).evaluation.to_markdown().splitlines()
    assert lines[0] == "2 held-out baskets with 2 items, 0 of them unknown."
    head = ["| metric | challenger | sequential rules | item-to-item | popular | encoder alone | blend alone |"]
    assert lines[2:4] == [*head, "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"]
    assert "| hit_rate@3 | 0.5000 | 0.5000 | 0.5000 | 0.5000 | 0.5000 | 0.5000 |" in lines
    assert "| cold items | 1 | 1.0000 | 0.0000 | 0.0000 | 0.0000 | 1.0000 | 0.0000 |" in lines


def test_a_shop_without_cases_gives_an_empty_table_and_no_error(ranker):
    late = training_set()
    empty_set = TrainingSet(
        late.histories, late.vocabulary, late.popularity, late.audience, late.first_days, late.event_counts,
        late.purchase_counts, train_until=15, as_of=20,
    )  # fmt: skip
    evaluation = compare(empty_set, ranker, ranker).evaluation
    assert evaluation.n_cases == 0
    assert evaluation.table["challenger"]["ndcg@10"] == 0.0


def test_many_baskets_are_sampled_and_the_sample_is_repeatable(ranker):
    first, second = (compare(training_set(), ranker, None, max_cases=2) for _ in range(2))
    all_cases = compare(training_set(), ranker, None, max_cases=1000)
    assert (first.evaluation.n_cases, all_cases.evaluation.n_cases) == (
        2,
        compare(training_set(), ranker, None).evaluation.n_cases,
    )
    assert first.evaluation.table == second.evaluation.table
    assert {len(scores.n_targets) for scores in first.scores.values()} == {2}
