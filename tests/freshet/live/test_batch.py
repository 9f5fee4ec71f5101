"""Many lists at once are the lists of each."""

import numpy as np
import pytest

from freshet.live.batch import best_of, histories_between
from freshet.live.bundle import open_bundle
from freshet.live.latest import latest_histories
from freshet.live.ranker import open_ranker
from freshet.store import open_store
from tests import tiny_lists
from tests.tiny_bundle import history, write_bundle


@pytest.fixture(scope="module")
def ranker(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(folder, dead=("c",))
    return open_ranker(open_bundle(folder))


def test_lists_come_in_the_order_of_the_shoppers_whatever_the_length_of_their_histories(ranker):
    asked = (["b", "b", "b"], [], ["a"], ["?"], ["a", "b"])
    found = best_of(ranker, history(*asked), 9)
    each = ranker.recommend(history(*asked), 9)
    shown = [tuple("?abcdef"[item] for item in row if item) for row in found.items]
    assert shown == [answer.item_ids for answer in each]
    assert found.known.tolist() == [True, False, True, False, True]
    assert found.scores[0][:2].tolist() == pytest.approx(list(each[0].scores[:2]))


def test_a_part_of_the_latest_histories_is_read_in_the_bundles_numbers(ranker, tmp_path):
    tiny_lists.publish_latest(str(tmp_path), tmp_path / "made", "a", "f?b", "e")
    latest = latest_histories(open_store(str(tmp_path)), tmp_path)
    index = ranker.bundle.vocabulary.index_of([str(item) for item in latest.item_ids])
    found = histories_between(latest, index, 1, 3)
    assert found.items.tolist() == [6, 0, 2, 5]
    assert found.offsets.tolist() == [0, 3, 4]
    assert found.times.tolist() == [0, 60, 120, 0]
    assert found.items.dtype == found.days.dtype == found.types.dtype == np.int64
    assert found.shoppers.tolist() == [tiny_lists.shopper(1), tiny_lists.shopper(2)]
