"""Item-to-item co-visitation: weights of baskets, similarities and the most similar items."""

import numpy as np
import pytest

from freshet.data import co_occurrence
from freshet.data.history import Histories
from freshet.data.item_knn import N_NEIGHBOURS, compute_item_knn


def histories_of(*shoppers, kind=1):
    """(item, second) pairs per shopper, landed on day 0."""
    rows = [row for shopper in shoppers for row in shopper]
    sizes = [len(shopper) for shopper in shoppers]
    column = lambda n: np.array([row[n] for row in rows], dtype=np.int64)  # noqa: E731
    return Histories(
        np.array([str(n) for n in range(len(shoppers))]),
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        column(0),
        np.full(len(rows), kind),
        column(1),
        np.zeros(len(rows), dtype=np.int64),
    )


def similarities(histories, size, train_until=0):
    """{(item, neighbour): similarity}"""
    neighbours, scores = compute_item_knn(histories, train_until, size)
    assert neighbours.shape == scores.shape == (size, N_NEIGHBOURS)
    return {
        (item, int(other)): pytest.approx(float(score))
        for item in range(size)
        for other, score in zip(neighbours[item], scores[item], strict=True)
        if other
    }


def test_items_of_one_basket_are_neighbours_both_ways():
    assert similarities(histories_of([(1, 0), (2, 0)]), 3) == {(1, 2): 0.3, (2, 1): 0.3}


def test_the_next_basket_counts_fully_forward_and_half_backward():
    assert similarities(histories_of([(1, 0), (2, 60)]), 3) == {(1, 2): 1.0, (2, 1): 0.5}


def test_every_basket_in_between_halves_the_weight():
    actual = similarities(histories_of([(1, 0), (2, 60), (3, 120)]), 4)
    assert actual == {(1, 2): 1.0, (2, 1): 0.5, (2, 3): 1.0, (3, 2): 0.5, (1, 3): 0.5, (3, 1): 0.25}


def test_four_baskets_on_is_a_neighbour_and_five_is_not():
    actual = similarities(histories_of([(n, n) for n in range(1, 7)]), 7)
    assert actual[(1, 5)] == 0.125
    assert (1, 6) not in actual


def test_a_frequent_item_has_smaller_similarities():
    # Item 1 has three events, item 2 one: 1.0 / sqrt(3 · 1).
    assert similarities(histories_of([(1, 0), (2, 60)], [(1, 0)], [(1, 0)]), 3)[(1, 2)] == 1 / np.sqrt(3)


def test_items_of_two_shoppers_do_not_co_occur():
    assert similarities(histories_of([(1, 0)], [(2, 0)]), 3) == {}


def test_an_item_is_not_its_own_neighbour():
    assert similarities(histories_of([(1, 0), (1, 60), (2, 120)]), 3)[(1, 2)] == pytest.approx(1.5 / np.sqrt(2))
    assert (1, 1) not in similarities(histories_of([(1, 0), (1, 60)]), 3)


def test_later_events_and_returns_do_not_count():
    assert similarities(histories_of([(1, 0), (2, 60)]), 3, train_until=-1) == {}
    assert similarities(histories_of([(1, 0), (2, 60)], kind=4), 3) == {}


def test_neighbours_are_sorted_by_similarity_then_index():
    neighbours, _ = compute_item_knn(histories_of([(1, 0), (3, 60)], [(1, 0), (2, 60)], [(1, 0), (4, 0)]), 0, 5)
    assert neighbours[1, :4].tolist() == [2, 3, 4, 0]


def test_only_the_most_similar_items_are_kept():
    shopper = [(n, 0) for n in range(1, N_NEIGHBOURS + 3)]
    neighbours, _ = compute_item_knn(histories_of(shopper), 0, N_NEIGHBOURS + 3)
    assert neighbours[1].tolist() == list(range(2, N_NEIGHBOURS + 2))


def busy_histories():
    generator = np.random.default_rng(0)
    return histories_of(*[[(int(i), t // 2) for t, i in enumerate(generator.integers(1, 9, 20))] for _ in range(10)])


def test_the_chunk_size_does_not_change_the_result(monkeypatch):
    expected = compute_item_knn(busy_histories(), 0, 9)
    monkeypatch.setattr(co_occurrence, "MAX_PAIRS_PER_CHUNK", 16)
    parts = compute_item_knn(busy_histories(), 0, 9)
    assert np.array_equal(expected[0], parts[0])
    assert np.allclose(expected[1], parts[1])


@pytest.mark.parametrize("chunk", [16, 1 << 22])
def test_sparse_and_dense_counts_are_equal(monkeypatch, chunk):
    small = compute_item_knn(busy_histories(), 0, 9)
    monkeypatch.setattr(co_occurrence, "MAX_DENSE_CELLS", 0)
    monkeypatch.setattr(co_occurrence, "MAX_PAIRS_PER_CHUNK", chunk)
    large = compute_item_knn(busy_histories(), 0, 9)
    assert np.array_equal(small[0], large[0])
    assert np.allclose(small[1], large[1])


def test_without_events_there_are_no_neighbours():
    assert similarities(histories_of(), 3) == {}
