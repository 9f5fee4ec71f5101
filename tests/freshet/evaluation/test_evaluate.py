"""Lists, hits and slices of the evaluation cases of one ranker."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from freshet.data.eval_cases import next_basket_cases
from freshet.data.history import Histories
from freshet.data.training_set import TrainingSet
from freshet.evaluation.evaluate import (
    CaseScores,
    case_slices,
    evaluate_cases,
    filter_targets,
    item_slices,
    remap_cases,
    remap_scores,
    target_hits,
)
from freshet.inference import scoring
from freshet.inference.bundle import open_bundle
from freshet.inference.ranker import open_ranker
from freshet.inference.scoring import EXCLUDED_SCORE
from tests.tiny_bundle import vocabulary, write_bundle


def histories_of(*rows):
    """(shopper, item, day) rows; an event of a day happens at its noon, so equal days are one basket."""
    shoppers = sorted({row[0] for row in rows})
    rows = sorted(rows, key=lambda row: (row[0], row[2]))
    sizes = [sum(row[0] == s for row in rows) for s in shoppers]
    days = np.array([row[2] for row in rows], dtype=np.int64)
    return Histories(
        np.array(shoppers),
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        vocabulary().indices([row[1] for row in rows]),
        np.ones(len(rows), dtype=np.int64),
        days * 86400 + 43200,
        days,
    )


# Days up to 10 train. Even s1: f, d next, in one basket. Odd s2: an unknown item and e. New s3: c, then a.
HISTORIES = histories_of(
    ("s1", "b", 9), ("s1", "f", 12), ("s1", "d", 12),
    ("s2", "a", 9), ("s2", "e", 12), ("s2", "?", 12),
    ("s3", "c", 11), ("s3", "a", 12),
    ("s4", "a", 12),
)  # fmt: skip


@pytest.fixture
def cases():
    return next_basket_cases(HISTORIES, 10, 20)


@pytest.fixture(scope="module")
def ranker(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(folder)
    return open_ranker(open_bundle(folder))


def training_set():
    return TrainingSet(
        HISTORIES,
        vocabulary(),
        popularity=np.array([0, 1, 1, 0, 0, 0, 0.0]),
        audience=np.array([0, 0.5, 0.25, 0.25, 0, 0, 0]),
        first_days=np.array([9, 9, 11, 12]),
        event_counts=np.array([1, 1, 0, 0]),
        purchase_counts=np.array([1, 0, 0, 0]),
        train_until=10,
        as_of=20,
    )


def test_every_case_is_ranked(ranker, cases):
    scores = evaluate_cases(ranker, cases, ks=(3,))
    assert scores.lists.tolist() == [[6, 4, 2], [5, 3, 1], [5, 3, 1]]
    assert scores.hits.tolist() == [[True, True, False], [True, False, False], [False, False, True]]
    assert scores.n_targets.tolist() == [2, 2, 1]


def test_the_means_are_those_worked_out_by_hand(ranker, cases):
    means = evaluate_cases(ranker, cases, ks=(3,)).means([3])
    assert means["recall@3"] == pytest.approx((1 + 0.5 + 1) / 3)  # the unknown target of s2 is a miss
    assert means["precision@3"] == pytest.approx((2 + 1 + 1) / 9)
    assert means["mrr@3"] == pytest.approx((1 + 1 + 1 / 3) / 3)
    assert means["hit_rate@3"] == 1.0
    assert means["ndcg@3"] == pytest.approx((1 + 1 / 1.63093 + 0.5) / 3, abs=1e-6)


def test_chunks_do_not_change_scores_and_progress_is_reported(ranker, cases, monkeypatch):
    expected = evaluate_cases(ranker, cases)
    monkeypatch.setattr(scoring, "MAX_CHUNK_HISTORIES", 2)
    progress_calls = []
    parts = evaluate_cases(ranker, cases, progress=lambda done, of: progress_calls.append((done, of)))
    assert np.array_equal(expected.lists, parts.lists)
    assert progress_calls == [(2, 3), (3, 3)]


def test_a_scorer_with_fewer_items_than_places_leaves_places_empty(ranker, cases):
    assert evaluate_cases(ranker, cases, ks=(20,)).lists[0].tolist() == [6, 4, 2, 1, 3, 5] + [0] * 14


def test_no_case_is_no_error(ranker, cases):
    assert evaluate_cases(ranker, cases.take(slice(0, 0))).means([10])["ndcg@10"] == 0.0


@dataclass(frozen=True)
class OnlyItemOneScorer:
    """A ranker that may recommend item 1 only."""

    max_history: int = 4
    n_scores: int = 7

    def score(self, batch):
        out = np.full((len(batch.offsets) - 1, 7), EXCLUDED_SCORE, dtype=np.float32)
        out[:, 1] = 1
        return out


def test_an_empty_place_never_hits_an_unknown_target(cases):
    unknown = replace(cases, targets=np.zeros_like(cases.targets))
    assert not evaluate_cases(OnlyItemOneScorer(), unknown, ks=(3,)).hits.any()


def test_hits_belong_to_their_own_case(cases):
    # The targets of case 0 are d and f (4, 6), of case 1 e (5), of case 2 a (1).
    lists = np.array([[5, 1], [4, 6], [1, 5]])
    assert target_hits(lists, cases).tolist() == [[False, False], [False, False], [True, False]]


def test_a_champion_with_another_vocabulary_ranks_the_same_cases(cases):
    champion_vocabulary = vocabulary(("f", "a", "b"))  # f = 1, a = 2, b = 3; c d e are unknown to it
    remapped_cases = remap_cases(cases, vocabulary(), champion_vocabulary)
    assert remapped_cases.model_inputs(4).items.tolist() == [3, 2]  # b; a; the history of s3 is c only
    assert np.split(remapped_cases.targets, remapped_cases.target_offsets[1:-1])[0].tolist() == [
        0,
        1,
    ]  # d is a miss, f is 1
    assert np.diff(remapped_cases.target_offsets).tolist() == [2, 2, 1]


def test_ranked_items_are_converted_to_the_indexes_of_the_evaluation():
    scores = CaseScores(np.array([[1, 3, 0]]), np.array([[True, False, False]]), np.array([2]))
    assert remap_scores(scores, vocabulary(("f", "x", "b")), vocabulary()).lists.tolist() == [[6, 2, 0]]


def test_shoppers_fall_into_slices(cases):
    slices = {name: mask.tolist() for name, mask in case_slices(cases, training_set()).items()}
    assert slices == {
        "new shoppers": [False, False, True],
        "returning shoppers": [True, True, False],
        "buyers": [True, False, False],
        "lookers": [False, True, True],
        "light shoppers": [True, True, False],
        "heavy shoppers": [False, False, False],
    }


def test_items_fall_into_slices():
    slices = {name: np.flatnonzero(mask).tolist() for name, mask in item_slices(training_set()).items()}
    assert slices == {"head items": [1], "tail items": [2, 3], "rare items": [1, 2], "cold items": [4, 5, 6]}


def test_a_slice_evaluation_has_only_items_of_the_slice_as_targets(ranker, cases):
    scores = evaluate_cases(ranker, cases, ks=(3,))
    cold = filter_targets(scores, cases, item_slices(training_set())["cold items"])
    assert cold.n_targets.tolist() == [2, 1]  # d and f; e
    assert cold.hits.tolist() == [[True, True, False], [True, False, False]]
    head = filter_targets(scores, cases, item_slices(training_set())["head items"])
    assert head.n_targets.tolist() == [1]
    assert head.hits.tolist() == [[False, False, True]]
