"""Ranking metrics, worked out by hand."""

import numpy as np
import pytest

from freshet.evaluation import metrics

# Two cases, three places. Case 0: hits at places 1 and 3 of 2 targets. Case 1: a hit at place 2 of 5 targets.
HITS = np.array([[True, False, True], [False, True, False]])
SIZES = np.array([2, 5])
NO_HITS = np.zeros((1, 3), dtype=bool)
# 1 / log2(2) = 1, 1 / log2(3) = 0.63093, 1 / log2(4) = 0.5


def test_ndcg_divides_by_the_best_that_the_targets_allow():
    # Case 0: (1 + 0.5) / (1 + 0.63093); case 1: 0.63093 / (1 + 0.63093 + 0.5).
    assert metrics.ndcg(HITS, SIZES, 3) == pytest.approx([0.919721, 0.296082], abs=1e-6)


def test_ndcg_is_one_if_the_targets_are_first():
    assert metrics.ndcg(np.array([[True, True, False]]), np.array([2]), 3) == pytest.approx([1.0])


def test_ndcg_at_one_uses_the_first_place_only():
    assert metrics.ndcg(HITS, SIZES, 1) == pytest.approx([1.0, 0.0])


def test_recall_is_the_share_of_all_targets():
    assert metrics.recall(HITS, SIZES, 3) == pytest.approx([1.0, 0.2])


def test_precision_is_the_share_of_the_places():
    assert metrics.precision(HITS, 3) == pytest.approx([2 / 3, 1 / 3])


def test_mrr_is_one_over_the_first_hits_place():
    assert metrics.mrr(HITS, 3) == pytest.approx([1.0, 0.5])
    assert metrics.mrr(HITS, 1) == pytest.approx([1.0, 0.0])


def test_hit_rate_counts_cases_with_at_least_one():
    assert metrics.hit_rate(HITS, 3) == pytest.approx([1.0, 1.0])
    assert metrics.hit_rate(HITS, 1) == pytest.approx([1.0, 0.0])


@pytest.mark.parametrize("metric", [metrics.precision, metrics.mrr, metrics.hit_rate])
def test_without_a_hit_everything_is_zero(metric):
    assert metric(NO_HITS, 3).tolist() == [0.0]
    assert metrics.ndcg(NO_HITS, np.array([1]), 3).tolist() == [0.0]
    assert metrics.recall(NO_HITS, np.array([1]), 3).tolist() == [0.0]


def test_an_unknown_target_stays_in_the_denominator():
    # One of two targets is not in the vocabulary, the other is first: the recall is 0.5, not 1.
    first = np.array([[True, False, False]])
    assert metrics.recall(first, np.array([2]), 3).tolist() == [0.5]
    assert metrics.ndcg(first, np.array([2]), 3) == pytest.approx([1 / 1.63093], abs=1e-6)


def test_coverage_is_the_share_of_items_ever_shown():
    assert metrics.coverage(np.array([[1, 2], [2, 0]]), 4) == 0.5


def test_novelty_is_the_mean_surprise():
    # Shares 1/2 and 1/8: 1 and 3 bits. An item without events counts as the rarest one: 3 bits.
    audience = np.array([0, 1 / 2, 1 / 8, 0])
    assert metrics.novelty(np.array([[1, 2]]), audience) == pytest.approx(2.0)
    assert metrics.novelty(np.array([[1, 3], [0, 0]]), audience) == pytest.approx(2.0)


def test_the_head_is_the_fewest_items_with_half_of_the_audience():
    assert metrics.head_items(np.array([0, 0.1, 0.4, 0.2, 0.1])).tolist() == [False, False, True, False, False]
    assert metrics.head_items(np.array([0, 0.1, 0.3, 0.2, 0.2])).tolist() == [False, False, True, True, False]
    assert not metrics.head_items(np.zeros(3)).any()


def test_popularity_share_is_the_share_of_places_with_head_items():
    assert metrics.popularity_share(np.array([[1, 2], [2, 0]]), np.array([False, True, False])) == pytest.approx(1 / 3)


def test_empty_lists_have_zero_metrics():
    empty = np.zeros((1, 2), dtype=np.int64)
    assert metrics.novelty(empty, np.array([0.0, 1.0])) == 0.0
    assert metrics.popularity_share(empty, np.array([False, True])) == 0.0
