"""Lists ranked in batches equal those ranked one by one."""

import numpy as np
import pytest

from freshet.inference.batch_ranking import slice_histories, top_k_lists
from freshet.inference.bundle import open_bundle
from freshet.inference.latest_histories import load_latest_histories
from freshet.inference.ranker import open_ranker
from freshet.store import open_store
from tests import tiny_lists
from tests.tiny_bundle import view_histories, write_bundle


@pytest.fixture(scope="module")
def ranker(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(folder, delisted=("c",))
    return open_ranker(open_bundle(folder))


def test_lists_are_in_the_order_of_the_shoppers_at_any_history_length(ranker):
    histories = (["b", "b", "b"], [], ["a"], ["?"], ["a", "b"])
    batch_lists = top_k_lists(ranker, view_histories(*histories), 9)
    single_lists = ranker.recommend(view_histories(*histories), 9)
    ranked_items = [tuple("?abcdef"[item] for item in row if item) for row in batch_lists.items]
    assert ranked_items == [ranked.item_ids for ranked in single_lists]
    assert batch_lists.has_history.tolist() == [True, False, True, False, True]
    assert batch_lists.scores[0][:2].tolist() == pytest.approx(list(single_lists[0].scores[:2]))


def test_a_part_of_the_latest_histories_is_read_in_the_bundles_numbers(ranker, tmp_path):
    tiny_lists.publish_latest(str(tmp_path), tmp_path / "made", "a", "f?b", "e")
    latest = load_latest_histories(open_store(str(tmp_path)), tmp_path)
    index = ranker.bundle.vocabulary.indices([str(item) for item in latest.item_ids])
    actual = slice_histories(latest, index, 1, 3)
    assert actual.items.tolist() == [6, 0, 2, 5]
    assert actual.offsets.tolist() == [0, 3, 4]
    assert actual.times.tolist() == [0, 60, 120, 0]
    assert actual.items.dtype == actual.days.dtype == actual.types.dtype == np.int64
    assert actual.shoppers.tolist() == [tiny_lists.pseudonym_of(1), tiny_lists.pseudonym_of(2)]
