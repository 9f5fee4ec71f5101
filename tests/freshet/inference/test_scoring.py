"""Top k, exclusions and chunks of score matrices."""

import numpy as np
import pytest

from freshet.data.history import ModelInput
from freshet.inference import scoring
from freshet.inference.scoring import EXCLUDED_SCORE, EncodedHistories, chunk_ranges, mask_scores, slice_batch, top_k
from tests.tiny_bundle import encoder_input, view_histories


def test_the_best_come_first():
    items, best = top_k(np.array([[0.1, 0.5, 0.3, 0.9]], dtype=np.float32), 3)
    assert items.tolist() == [[3, 1, 2]]
    assert best.tolist() == [pytest.approx([0.9, 0.5, 0.3])]


def test_ties_are_ranked_by_the_lower_index_also_at_rank_k():
    items, _ = top_k(np.array([[1, 2, 2, 2, 3], [5, 5, 5, 5, 5]], dtype=np.float32), 3)
    assert items.tolist() == [[4, 1, 2], [0, 1, 2]]


def test_a_row_with_too_little_left_ends_in_empty_places():
    items, best = top_k(np.array([[EXCLUDED_SCORE, 2, EXCLUDED_SCORE, 1]], dtype=np.float32), 3)
    assert items.tolist() == [[1, 3, 0]]
    assert best.tolist() == [[2, 1, -np.inf]]


def test_more_places_than_items_give_all_items():
    assert top_k(np.array([[EXCLUDED_SCORE, 2, 3]], dtype=np.float32), 10)[0].tolist() == [[2, 1, 0]]


def test_top_k_is_a_full_sort_cut_at_k():
    scores = np.random.default_rng(0).integers(0, 9, (50, 30)).astype(np.float32)
    assert np.array_equal(top_k(scores, 7)[0], np.argsort(-scores, axis=1, kind="stable")[:, :7])


def test_masking_leaves_the_scores_it_was_given_alone():
    scores = np.array([[1, 2, 3], [1, 2, 3]], dtype=np.float32)
    out = mask_scores(scores, [np.array([2]), np.array([], dtype=np.int64)], np.array([True, True, True]))
    assert out.tolist() == [[1, 2, -np.inf], [1, 2, 3]]
    assert scores.tolist() == [[1, 2, 3], [1, 2, 3]]


def test_rows_cuts_histories_out_of_a_batch():
    batch = slice_batch(encoder_input(view_histories(["a"], ["b", "c"], [], ["d"])), 1, 3)
    assert batch.offsets.tolist() == [0, 2, 2]
    assert batch.items.tolist() == [2, 3]


def test_a_large_catalogue_takes_fewer_histories_at_a_time(monkeypatch):
    assert list(chunk_ranges(3, 10)) == [(0, 3)]
    monkeypatch.setattr(scoring, "MAX_CHUNK_SCORES", 25)
    assert list(chunk_ranges(5, 10)) == [(0, 2), (2, 4), (4, 5)]
    assert list(chunk_ranges(2, 100)) == [(0, 1), (1, 2)]
    assert list(chunk_ranges(0, 10)) == []


def test_repeat_scores_are_added_to_the_items_of_the_history():
    batch = ModelInput(
        np.array([0, 2, 2, 3]), np.array([1, 2, 2]), np.array([1, 1, 1]), np.array([0, 1, 0]), np.array([0, 1, 0])
    )
    item_embeddings = np.array([[0, 0], [1, 0], [0, 1]], dtype=np.float32)
    encoded = EncodedHistories(
        np.array([[1, 2], [3, 4], [5, 6]], dtype=np.float32), np.array([10, 20, 30], dtype=np.float32)
    )
    assert encoded.item_scores(batch, item_embeddings).tolist() == [[0, 11, 22], [0, 3, 4], [0, 5, 36]]
    assert encoded.take(batch, 1, 3).repeat_scores.tolist() == [30]
    assert encoded.flatten().tolist() == [1, 2, 3, 4, 5, 6, 10, 20, 30]
