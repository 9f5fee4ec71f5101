"""The tiny shop with categories and prices: a c e are odd, b d f even; a 10, b 20, … f 60."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from freshet.columns import TIERS
from freshet.live.baselines import Baselines
from freshet.live.bundle import open_bundle
from freshet.live.precomputed import Ready
from freshet.live.ranker import Tier
from freshet.serving.catalogue import Catalogue
from freshet.serving.ladder import Asked, climb, popular, similar
from freshet.serving.ledger import Content
from freshet.serving.questions import Question
from freshet.serving.served import Serving, open_serving
from tests.tiny_bundle import POPULARITY, write_bundle

NONE = np.zeros(0, dtype=np.int64)
NEIGHBOURS = np.zeros((7, 2), dtype=np.int32)
NEIGHBOURS[1] = [4, 2]  # a goes with d, then with b


@pytest.fixture(scope="module")
def serving(tmp_path_factory) -> Serving:
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(folder, dead=("c",))
    opened = open_serving(7, open_bundle(folder))
    categories = np.array(["", "odd", "even", "odd", "even", "odd", "even"])
    prices = np.array([np.nan, 10, 20, 30, 40, 50, np.nan])
    vocabulary = replace(opened.bundle.vocabulary, categories=categories, prices=prices)
    baselines = Baselines(POPULARITY, NEIGHBOURS, (NEIGHBOURS > 0) * np.array([0.9, 0.5], dtype=np.float32))
    bundle = replace(opened.bundle, vocabulary=vocabulary, baselines=baselines)
    return replace(opened, ranker=replace(opened.ranker, bundle=bundle), catalogue=Catalogue.of(vocabulary))


def asked(items="", contents=(), forbidden=NONE, narrowed=False, k=3):
    events = [(item, "view", 60 * place, 0) for place, item in enumerate(items)]
    return Asked(events, list(contents), np.asarray(forbidden, dtype=np.int64), narrowed, k)


def ahead(items="", *, first=False, forbidden=NONE, k=2):
    """Somebody who met a and has the list `items` made ahead, its scores 9, 8, …"""
    ready = Ready(np.array([" abcdef".index(item) for item in items]), 9 - np.arange(len(items), dtype=np.float32))
    return replace(asked("a", k=k), ready=ready, ready_first=first, forbidden=np.asarray(forbidden, dtype=np.int64))


class Fails:
    """An encoder that cannot be asked."""

    def run(self, names, feed):
        raise RuntimeError("out of memory\nand more")


def ids(listed):
    return listed.tier, "".join(item.item_id for item in listed.items)


def test_the_model_answers_where_it_knows_an_item(serving):
    assert [ids(one) for one in climb(serving, [asked("a"), asked("?b")])] == [("sequence", "eab"), ("sequence", "fdb")]


def test_each_of_a_group_gets_its_own_k_and_its_own_rung(serving):
    found = climb(serving, [asked("a", k=1), asked("", k=2), asked("b", k=4)])
    assert [ids(one) for one in found] == [("sequence", "e"), ("popular", "be"), ("sequence", "fdba")]


def test_new_items_with_a_title_are_answered_by_their_content(serving):
    cheap, dear = Content("new", "", 1.0), Content("new", "", 99.0)
    assert [ids(one) for one in climb(serving, [asked("?", [cheap]), asked("?", [dear])])] == [
        ("content", "eab"),
        ("content", "fdb"),
    ]


def test_new_items_with_a_category_are_answered_by_what_is_popular_there_and_then_elsewhere(serving):
    assert ids(climb(serving, [asked("?", [Content("", "odd", None)], k=4)])[0]) == ("segment", "eabd")


def test_the_category_looked_at_last_counts_and_an_unknown_one_does_not(serving):
    contents = [Content("", "odd", None), Content("", "even", None), Content("", "hats", None)]
    assert ids(climb(serving, [asked("???", contents)])[0]) == ("segment", "bdf")


def test_nothing_known_is_answered_by_what_is_popular(serving):
    assert ids(climb(serving, [asked("?", [Content("", "hats", None)])])[0]) == ("popular", "bed")


def test_popular_within_a_filter_is_a_segment(serving):
    assert ids(popular(serving, "", np.array([2, 4, 6]), 9, narrowed=True)) == ("segment", "ea")


def test_the_lengths_of_all_vectors_are_known_before_anybody_asks(serving):
    vectors = serving.bundle.item_vectors
    np.testing.assert_allclose(serving.lengths[1:], np.linalg.norm(vectors, axis=1)[1:], rtol=1e-6)
    assert serving.lengths[0] > 0  # row 0 is zeros: nothing is divided by it
    blind = replace(serving, lengths=np.full(7, 2.0, dtype=np.float32))
    assert similar(blind, 2, NONE, 1).items[0].score == pytest.approx(float(vectors[2] @ vectors[6]) / 4, abs=1e-5)


def test_similar_items_are_neighbours_first_then_what_resembles(serving):
    assert ids(similar(serving, 1, NONE, 4)) == ("neighbours", "dbef")
    assert ids(similar(serving, 1, np.array([4, 2]), 4)) == ("content", "ef")
    assert ids(similar(serving, 2, NONE, 3)) == ("content", "dfa")


def test_what_is_delisted_is_on_no_rung(serving):
    lists = climb(serving, [asked("a", k=9), asked("?", [Content("t", "", None)], k=9), asked(k=9)])
    assert all("c" not in ids(one)[1] for one in [*lists, similar(serving, 1, NONE, 9)])


def test_an_item_is_shown_with_what_the_catalogue_says(serving):
    shown = climb(serving, [asked("b", k=1)])[0].items[0]
    assert (shown.item_id, shown.title, shown.category, shown.price) == ("f", "Item F", "even", None)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (Question(k=9), "befda"),
        (Question(k=9, exclude=["b", "?"]), "efda"),
        (Question(k=9, only=["a", "c", "b"]), "ba"),
        (Question(k=9, only=[]), ""),
        (Question(k=9, categories=["even"]), "bfd"),
        (Question(k=9, categories=["even", "odd"]), "befda"),
        (Question(k=9, categories=["hats"]), ""),
        (Question(k=9, price_min=20), "bed"),
        (Question(k=9, price_max=20), "ba"),
        (Question(k=9, price_min=20, price_max=40, exclude=["b"]), "d"),
    ],
)
def test_filters_are_applied_before_the_best_are_taken(serving, question, expected):
    forbidden = serving.catalogue.forbidden(question, NONE)
    assert sorted(ids(popular(serving, "", forbidden, question.k, narrowed=False))[1]) == sorted(expected)


def test_what_was_seen_is_left_out_where_that_is_asked(serving):
    seen = np.array([1, 2])
    assert serving.catalogue.forbidden(Question(exclude_seen=True), seen).tolist() == [1, 2]
    assert serving.catalogue.forbidden(Question(), seen).tolist() == []


def test_the_tiers_of_recommendations_are_the_ones_that_impressions_may_name():
    assert set(get_args(Tier)) == {*TIERS, "neighbours"}


def test_a_list_made_ahead_waits_until_the_model_cannot_answer(serving, caplog):
    assert ids(climb(serving, [ahead("dba")])[0]) == ("sequence", "ea")
    broken = replace(serving, ranker=replace(serving.ranker, session=Fails()))
    (listed, below) = climb(broken, [ahead("dba"), asked("a", k=2)])
    assert (ids(listed), ids(below)) == (("precomputed", "db"), ("popular", "be"))
    assert [item.score for item in listed.items] == [9.0, 8.0]
    assert "the shopper encoder failed (out of memory)" in caplog.text
    assert "lists made ahead and the rungs below answer" in caplog.text


def test_a_list_made_ahead_goes_first_where_that_is_set(serving):
    assert [ids(one) for one in climb(serving, [ahead("dba", first=True), asked("a", k=2)])] == [
        ("precomputed", "db"), ("sequence", "ea"),
    ]  # fmt: skip


def test_a_list_made_ahead_that_filters_leave_short_does_not_answer(serving):
    assert ids(climb(serving, [ahead("dba", first=True, forbidden=[4])])[0]) == ("precomputed", "ba")
    assert ids(climb(serving, [ahead("dba", first=True, forbidden=[4, 2])])[0]) == ("sequence", "ea")
    assert ids(climb(serving, [ahead("dba", first=True, k=4)])[0]) == ("sequence", "eabd")
