"""Fallback tiers on the tiny shop with categories and prices: a c e are odd, b d f even; a 10, b 20, … f 60."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from freshet.data.columns import TIERS
from freshet.data.history_events import HistoryEvent
from freshet.inference.baselines import Baselines
from freshet.inference.bundle import open_bundle
from freshet.inference.precomputed_lists import PrecomputedList
from freshet.inference.ranker import Tier
from freshet.serving.events.event_store import ItemMetadata
from freshet.serving.recommend.fallback import RankingRequest, popular_items, rank_with_fallback, similar_items
from freshet.serving.recommend.filters import Catalogue
from freshet.serving.recommend.loaded_release import LoadedRelease, load_release
from freshet.serving.schemas.recommendation_schema import RecommendationRequest
from tests.tiny_bundle import POPULARITY, write_bundle

NO_ITEMS = np.zeros(0, dtype=np.int64)
NEIGHBOURS = np.zeros((7, 2), dtype=np.int32)
NEIGHBOURS[1] = [4, 2]  # a goes with d, then with b


@pytest.fixture(scope="module")
def release(tmp_path_factory) -> LoadedRelease:
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(folder, delisted=("c",))
    opened = load_release(7, open_bundle(folder))
    categories = np.array(["", "odd", "even", "odd", "even", "odd", "even"])
    prices = np.array([np.nan, 10, 20, 30, 40, 50, np.nan])
    vocabulary = replace(opened.bundle.vocabulary, categories=categories, prices=prices)
    baselines = Baselines(POPULARITY, NEIGHBOURS, (NEIGHBOURS > 0) * np.array([0.9, 0.5], dtype=np.float32))
    bundle = replace(opened.bundle, vocabulary=vocabulary, baselines=baselines)
    return replace(
        opened, ranker=replace(opened.ranker, bundle=bundle), catalogue=Catalogue.from_vocabulary(vocabulary)
    )


def ranking_request(items="", contents=(), excluded_items=NO_ITEMS, has_category_filter=False, k=3):
    events = [HistoryEvent(item, "view", 60 * position, 0) for position, item in enumerate(items)]
    return RankingRequest(events, list(contents), np.asarray(excluded_items, dtype=np.int64), has_category_filter, k)


def precomputed_request(items="", *, is_first=False, excluded_items=NO_ITEMS, k=2):
    """A request of a shopper who viewed a, with a precomputed list of `items` and scores 9, 8, …"""
    precomputed = PrecomputedList(
        np.array([" abcdef".index(item) for item in items]), 9 - np.arange(len(items), dtype=np.float32)
    )
    return replace(
        ranking_request("a", k=k),
        precomputed=precomputed,
        precomputed_first=is_first,
        excluded_items=np.asarray(excluded_items, dtype=np.int64),
    )


class FailingEncoder:
    """An ONNX session that fails."""

    def run(self, names, feed):
        raise RuntimeError("out of memory\nand more")


def tier_and_items(ranked_list):
    return ranked_list.tier, "".join(item.item_id for item in ranked_list.items)


def test_a_history_with_a_known_item_is_ranked_by_the_model(release):
    assert [
        tier_and_items(ranked) for ranked in rank_with_fallback(release, [ranking_request("a"), ranking_request("?b")])
    ] == [("sequence", "eab"), ("sequence", "fdb")]


def test_each_request_of_a_batch_has_its_own_k_and_tier(release):
    ranked_lists = rank_with_fallback(
        release, [ranking_request("a", k=1), ranking_request("", k=2), ranking_request("b", k=4)]
    )
    assert [tier_and_items(ranked) for ranked in ranked_lists] == [
        ("sequence", "e"),
        ("popular", "be"),
        ("sequence", "fdba"),
    ]


def test_new_items_with_a_title_are_ranked_by_content(release):
    cheap, dear = ItemMetadata("new", "", 1.0), ItemMetadata("new", "", 99.0)
    assert [
        tier_and_items(ranked)
        for ranked in rank_with_fallback(release, [ranking_request("?", [cheap]), ranking_request("?", [dear])])
    ] == [
        ("content", "eab"),
        ("content", "fdb"),
    ]


def test_new_items_without_title_get_popular_items_of_their_category_first(release):
    assert tier_and_items(
        rank_with_fallback(release, [ranking_request("?", [ItemMetadata("", "odd", None)], k=4)])[0]
    ) == ("segment", "eabd")


def test_the_last_known_category_of_the_history_is_used(release):
    contents = [ItemMetadata("", "odd", None), ItemMetadata("", "even", None), ItemMetadata("", "hats", None)]
    assert tier_and_items(rank_with_fallback(release, [ranking_request("???", contents)])[0]) == ("segment", "bdf")


def test_without_known_items_popular_items_are_recommended(release):
    assert tier_and_items(rank_with_fallback(release, [ranking_request("?", [ItemMetadata("", "hats", None)])])[0]) == (
        "popular",
        "bed",
    )


def test_popular_within_a_filter_is_a_segment(release):
    assert tier_and_items(popular_items(release, "", np.array([2, 4, 6]), 9, has_category_filter=True)) == (
        "segment",
        "ea",
    )


def test_item_norms_are_computed_when_the_release_is_loaded(release):
    vectors = release.bundle.item_embeddings
    np.testing.assert_allclose(release.item_norms[1:], np.linalg.norm(vectors, axis=1)[1:], rtol=1e-6)
    assert release.item_norms[0] > 0  # row 0 is zeros
    other_release = replace(release, item_norms=np.full(7, 2.0, dtype=np.float32))
    assert similar_items(other_release, 2, NO_ITEMS, 1).items[0].score == pytest.approx(
        float(vectors[2] @ vectors[6]) / 4, abs=1e-5
    )


def test_similar_items_are_neighbours_first_then_by_embedding(release):
    assert tier_and_items(similar_items(release, 1, NO_ITEMS, 4)) == ("neighbours", "dbef")
    assert tier_and_items(similar_items(release, 1, np.array([4, 2]), 4)) == ("content", "ef")
    assert tier_and_items(similar_items(release, 2, NO_ITEMS, 3)) == ("content", "dfa")


def test_delisted_items_are_in_no_tier(release):
    lists = rank_with_fallback(
        release,
        [ranking_request("a", k=9), ranking_request("?", [ItemMetadata("t", "", None)], k=9), ranking_request(k=9)],
    )
    assert all("c" not in tier_and_items(ranked)[1] for ranked in [*lists, similar_items(release, 1, NO_ITEMS, 9)])


def test_an_item_is_shown_with_its_catalogue_columns(release):
    item = rank_with_fallback(release, [ranking_request("b", k=1)])[0].items[0]
    assert (item.item_id, item.title, item.category, item.price) == ("f", "Item F", "even", None)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (RecommendationRequest(k=9), "befda"),
        (RecommendationRequest(k=9, exclude=["b", "?"]), "efda"),
        (RecommendationRequest(k=9, only=["a", "c", "b"]), "ba"),
        (RecommendationRequest(k=9, only=[]), ""),
        (RecommendationRequest(k=9, categories=["even"]), "bfd"),
        (RecommendationRequest(k=9, categories=["even", "odd"]), "befda"),
        (RecommendationRequest(k=9, categories=["hats"]), ""),
        (RecommendationRequest(k=9, price_min=20), "bed"),
        (RecommendationRequest(k=9, price_max=20), "ba"),
        (RecommendationRequest(k=9, price_min=20, price_max=40, exclude=["b"]), "d"),
    ],
)
def test_filters_are_applied_before_the_best_are_taken(release, request_, expected):
    excluded = release.catalogue.excluded_items(request_, NO_ITEMS)
    assert sorted(
        tier_and_items(popular_items(release, "", excluded, request_.k, has_category_filter=False))[1]
    ) == sorted(expected)


def test_seen_items_are_excluded_on_request(release):
    exclude = np.array([1, 2])
    assert release.catalogue.excluded_items(RecommendationRequest(exclude_seen=True), exclude).tolist() == [1, 2]
    assert release.catalogue.excluded_items(RecommendationRequest(), exclude).tolist() == []


def test_the_tiers_are_those_of_the_impressions_table():
    assert set(get_args(Tier)) == {*TIERS, "neighbours"}


def test_a_precomputed_list_is_used_if_the_model_fails(release, caplog):
    assert tier_and_items(rank_with_fallback(release, [precomputed_request("dba")])[0]) == ("sequence", "ea")
    broken_release = replace(release, ranker=replace(release.ranker, session=FailingEncoder()))
    (precomputed_list, fallback) = rank_with_fallback(
        broken_release, [precomputed_request("dba"), ranking_request("a", k=2)]
    )
    assert (tier_and_items(precomputed_list), tier_and_items(fallback)) == (("precomputed", "db"), ("popular", "be"))
    assert [item.score for item in precomputed_list.items] == [9.0, 8.0]
    assert "the shopper encoder failed (out of memory)" in caplog.text
    assert "precomputed lists and lower tiers are served" in caplog.text


def test_a_precomputed_list_comes_first_if_configured(release):
    assert [
        tier_and_items(ranked)
        for ranked in rank_with_fallback(
            release, [precomputed_request("dba", is_first=True), ranking_request("a", k=2)]
        )
    ] == [
        ("precomputed", "db"),
        ("sequence", "ea"),
    ]


def test_a_precomputed_list_that_filters_leave_short_is_not_used(release):
    assert tier_and_items(
        rank_with_fallback(release, [precomputed_request("dba", is_first=True, excluded_items=[4])])[0]
    ) == ("precomputed", "ba")
    assert tier_and_items(
        rank_with_fallback(release, [precomputed_request("dba", is_first=True, excluded_items=[4, 2])])[0]
    ) == ("sequence", "ea")
    assert tier_and_items(rank_with_fallback(release, [precomputed_request("dba", is_first=True, k=4)])[0]) == (
        "sequence",
        "eabd",
    )
