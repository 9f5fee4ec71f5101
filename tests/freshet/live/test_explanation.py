"""An explanation says what the ranker itself says of a history without the event."""

from dataclasses import replace

import numpy as np
import pytest

from freshet.errors import BundleError
from freshet.history import model_input, select
from freshet.live.bundle import open_bundle
from freshet.live.explanation import explain
from freshet.live.ranker import open_ranker
from freshet.neighbourhood import RULE_SCALE, SCALE, Blend
from freshet.sequential_rules import sequential_rules
from tests.tiny_bundle import history, write_bundle


@pytest.fixture(scope="module")
def ranker(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(folder)
    return open_ranker(open_bundle(folder))


class Repeats:
    """The tiny encoder, and every event adds a tenth of its gap bucket to its own item."""

    def __init__(self, session):
        self.session = session

    def run(self, names, feed):
        vectors, _ = self.session.run(names, feed)
        return vectors, (feed["gaps"] / 10).astype(np.float32)


def test_every_event_is_left_out_once_and_the_strongest_comes_first(ranker):
    (found,) = explain(ranker, history(["a", "b", "c"]), np.array([5]))
    # e is 1.5 long and odd: a, b, c point to it with 2/3; without b wholly, without a or c with 1/2.
    assert found.score == pytest.approx(1.0)
    assert [(one.event, round(one.moved, 4)) for one in found.influences] == [(1, -0.5), (0, 0.25), (2, 0.25)]


def with_neighbours(ranker):
    """Every item goes with the next one, and with the one after that."""
    items = np.array([[(n + 1) % 7, (n + 2) % 7] for n in range(7)], dtype=np.int32)
    alike = np.where(items > 0, np.float32([0.5, 0.2]), np.float32(0))
    near = replace(ranker.bundle.baselines, neighbours=items, neighbour_scores=alike)
    return mixing(ranker, near, Blend(trust=0.5, recency=0.8))


def with_rules(ranker):
    """After a comes b, after b now a, now c."""
    rules = sequential_rules(history(["a", "b", "a"], ["b", "c"]), 0, 7)
    return mixing(ranker, replace(ranker.bundle.baselines, rules=rules), Blend(rules=0.5))


def mixing(ranker, baselines, blend):
    manifest = ranker.bundle.manifest.model_copy(update={"blend": blend})
    return replace(ranker, bundle=replace(ranker.bundle, baselines=baselines, manifest=manifest))


@pytest.mark.parametrize("mixed", [lambda ranker: ranker, with_neighbours, with_rules])
def test_no_other_removal_lowers_the_score_more(ranker, mixed):
    asked = replace(mixed(ranker), session=Repeats(ranker.session))
    met = history(["f", "?", "a", "b", "a", "d", "c", "b"])  # the encoder reads the last four that it knows
    for item in range(1, 7):
        (found,) = explain(asked, met, np.array([item]))
        whole = score(asked, met, item)
        without = {row: score(asked, left_out(met, row), item) for row in range(8)}
        assert found.score == pytest.approx(whole)
        assert {one.event: pytest.approx(one.moved, abs=1e-6) for one in found.influences} == {
            row: whole - without[row] for row in (4, 5, 6, 7)
        }
        strongest = max(found.influences, key=lambda one: one.moved)
        assert without[strongest.event] == pytest.approx(min(without.values()))


def test_what_goes_with_the_history_stands_in_the_score(ranker):
    (mixed,) = explain(with_neighbours(ranker), history(["a"]), np.array([2]))
    (alone,) = explain(ranker, history(["a"]), np.array([2]))
    assert mixed.score - alone.score == pytest.approx(0.5 * np.log1p(0.5 / SCALE), rel=1e-5)


def test_what_comes_after_the_history_stands_in_the_score(ranker):
    (mixed,) = explain(with_rules(ranker), history(["a"]), np.array([2]))
    (alone,) = explain(ranker, history(["a"]), np.array([2]))
    # One of a's two events went on to b.
    assert mixed.score - alone.score == pytest.approx(0.5 * np.log1p(0.5 / RULE_SCALE), rel=1e-5)


def left_out(histories, row):
    return select(histories, np.arange(len(histories.items)) != row)


def score(ranker, histories, item):
    return float(ranker.score(model_input(histories, ranker.length))[0, item])


def test_many_items_are_explained_at_once(ranker):
    met = history(["a", "b", "b"])
    assert explain(ranker, met, np.array([5, 2])) == [
        *explain(ranker, met, np.array([5])),
        *explain(ranker, met, np.array([2])),
    ]


def test_the_only_event_is_compared_with_an_empty_history(ranker):
    (found,) = explain(ranker, history(["?", "b"]), np.array([6]))
    assert [(one.event, round(one.moved, 4)) for one in found.influences] == [(1, 1.6)]


def test_of_a_shopper_of_whom_nothing_is_known_the_score_is_how_popular_the_item_is(ranker):
    (found,) = explain(ranker, history(["?"]), np.array([2]))
    assert (found.score, found.influences) == (9.0, ())


class Broken:
    """An encoder that answers no numbers."""

    def run(self, names, feed):
        return np.full((len(feed["items"]), 2), np.nan, np.float32), np.zeros(feed["items"].shape, np.float32)


def test_an_answer_that_is_no_number_is_no_explanation(ranker):
    with pytest.raises(BundleError, match="the shopper encoder answered something that is not a number"):
        explain(replace(ranker, session=Broken()), history(["a"]), np.array([1]))
