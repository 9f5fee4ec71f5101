"""New items in the tiny shop: x costs 5 like a, c, e; y costs 50 like b, d, f."""

from dataclasses import replace

import numpy as np
import pytest

from freshet.data.history_events import to_histories
from freshet.data.vocabulary import Vocabulary
from freshet.errors import BundleError
from freshet.inference.bundle import open_bundle
from freshet.inference.item_encoder import open_item_encoder
from freshet.inference.new_items import open_new_items, save_new_items, with_new_items
from freshet.inference.ranker import open_ranker
from tests.tiny_bundle import write_bundle

NEW_ITEMS = Vocabulary(
    item_ids=np.array(["", "x", "y", "a"]),
    titles=np.array(["", "Item X", "Item Y", "Another a"]),
    categories=np.array(["", "odd", "even", ""]),
    prices=np.array([np.nan, 5.0, 50.0, 1.0]),
    delisted=np.zeros(4, dtype=bool),
    attributes={"brand": np.array(["", "Inky", "", ""])},
    content_embeddings={"picture": np.ones((4, 2), dtype=np.float32)},
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(folder)
    return open_bundle(folder)


@pytest.fixture(scope="module")
def extended_bundle(bundle):
    return with_new_items(bundle, open_item_encoder(bundle), NEW_ITEMS)


def view_events(*items):
    return [(item, "view", 60 * index, 0) for index, item in enumerate(items)]


def test_new_items_follow_the_items_of_the_bundle(bundle, extended_bundle):
    assert extended_bundle.vocabulary.item_ids.tolist() == ["", "a", "b", "c", "d", "e", "f", "x", "y"]
    assert extended_bundle.vocabulary.titles[[1, 7]].tolist() == ["Item A", "Item X"]  # its own stay as they were
    assert extended_bundle.item_embeddings[7:].tolist() == [[1, 0], [0, 1]]
    assert extended_bundle.baselines.popularity[7:].tolist() == [0, 0]
    assert extended_bundle.vocabulary.n_new_items == 2
    assert len(bundle.vocabulary) == 6


def test_new_items_are_recommended_by_their_content(extended_bundle):
    ranker = open_ranker(extended_bundle)
    histories = to_histories([view_events("a"), view_events("b")], extended_bundle.vocabulary)
    assert [ranked.item_ids[:4] for ranked in ranker.recommend(histories, 4)] == [
        ("e", "c", "a", "x"),
        ("f", "d", "b", "y"),
    ]


def test_new_items_in_a_history_are_unknown_as_in_training(extended_bundle):
    histories = to_histories([view_events("a", "x"), view_events("x")], extended_bundle.vocabulary)
    assert histories.items.tolist() == [1, 0, 0]
    ranked_lists = open_ranker(extended_bundle).recommend(histories, 2)
    assert [ranked.tier for ranked in ranked_lists] == ["sequence", "popular"]


def test_an_item_with_a_zero_embedding_is_not_added(bundle):
    encoder = open_item_encoder(bundle)
    silent = replace(encoder, session=ZeroItemEncoder())
    assert with_new_items(bundle, silent, NEW_ITEMS) is bundle
    assert with_new_items(bundle, None, NEW_ITEMS) is bundle


class ZeroItemEncoder:
    """An item encoder that returns zeros."""

    def run(self, names, feed):
        return [np.zeros((len(feed["items"]), 2), dtype=np.float32)]


def test_new_items_come_back_as_they_were_saved(tmp_path):
    name = save_new_items(NEW_ITEMS, tmp_path)
    reloaded = open_new_items(tmp_path, name).items
    assert reloaded.item_ids.tolist() == NEW_ITEMS.item_ids.tolist()
    assert reloaded.attributes["brand"].tolist() == ["", "Inky", "", ""]
    np.testing.assert_array_equal(reloaded.prices, NEW_ITEMS.prices)
    np.testing.assert_array_equal(reloaded.content_embeddings["picture"], NEW_ITEMS.content_embeddings["picture"])


def test_a_file_of_new_items_that_changed_is_refused(tmp_path):
    name = save_new_items(NEW_ITEMS, tmp_path)
    path = tmp_path / "utf8-titles.npy"
    path.write_bytes(path.read_bytes().replace(b"X", b"Z"))
    with pytest.raises(BundleError) as error:
        open_new_items(tmp_path, name)
    assert str(error.value) == (f"{path}: has changed since it was sealed; materialize the asset `new_items` again")
