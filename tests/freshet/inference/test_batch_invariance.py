"""A request gets the same list and scores, bit for bit, alone and in a batch."""

from dataclasses import replace

import numpy as np
import pytest

from freshet.data.history import model_input
from freshet.inference.encoder_batches import encoder_batches
from freshet.inference.golden_requests import check_golden_requests
from freshet.inference.ranker import open_ranker
from freshet.inference.scoring import dot_products
from freshet.verification.batch_invariance import batch_invariance
from tests.random_model import MAX_HISTORY, N_HISTORIES, TOP_K, random_histories, shopper_slice, write_random_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return write_random_bundle(tmp_path_factory.mktemp("alone"))


def lists_by_group(ranker, size: int) -> list[tuple[tuple[str, ...], tuple[float, ...]]]:
    """Ids and scores of every shopper's list, ranked in batches of this size."""
    histories = random_histories()
    groups = (
        ranker.recommend(shopper_slice(histories, start, start + size), TOP_K) for start in range(0, N_HISTORIES, size)
    )
    return [(ranked.item_ids, ranked.scores) for group in groups for ranked in group]


@pytest.mark.parametrize("precision", ["fp32", "int8", "fp16"])
def test_alone_and_in_a_group_the_lists_are_the_same(bundle, precision):
    ranker = open_ranker(bundle, precision)
    single_result = lists_by_group(ranker, 1)
    assert len(single_result) == N_HISTORIES
    assert any(len(set(scores)) < TOP_K for _, scores in single_result), "there are ties"
    for size in (2, 3, 7, 16, 64):
        assert lists_by_group(ranker, size) == single_result, size


def test_an_encoder_that_rounds_by_batch_fails_batch_invariance(bundle):
    batch = model_input(random_histories(), MAX_HISTORY)
    int8 = open_ranker(bundle, "int8")
    assert (int8.batching, open_ranker(bundle, "fp32").batching) == ("alone", "by_length")
    assert batch_invariance(int8, batch) == 1.0
    assert batch_invariance(replace(int8, batching="together"), batch) < 0.5


@pytest.mark.parametrize(("shoppers", "items"), [(2, 7), (3, 300), (16, 1023), (64, 257)])
def test_a_product_of_a_few_rows_is_that_of_each_row(shoppers, items):
    random = np.random.default_rng(0)
    vectors = random.normal(size=(shoppers, 65)).astype(np.float32)
    of_items = random.normal(size=(items, 65)).astype(np.float32)
    row_products = np.concatenate([dot_products(row[None], of_items) for row in vectors])
    np.testing.assert_array_equal(dot_products(vectors, of_items), row_products)
    np.testing.assert_allclose(row_products, vectors @ of_items.T, atol=1e-4)


def test_histories_of_about_the_same_length_are_encoded_together():
    lengths = np.array([100, 0, 3, 90, 1, 100, 12])
    assert [run.tolist() for run in encoder_batches(lengths, "by_length")] == [[1, 4, 2], [6], [3, 0, 5]]
    assert [run.tolist() for run in encoder_batches(lengths, "together")] == [[0, 1, 2, 3, 4, 5, 6]]
    assert [run.tolist() for run in encoder_batches(lengths, "alone")] == [[0], [1], [2], [3], [4], [5], [6]]
    assert list(encoder_batches(lengths[:0], "by_length")) == []


def test_the_exported_bundle_passes_its_golden_requests(bundle):
    assert check_golden_requests(open_ranker(bundle)) == 0.0
