"""An explanation equals the ranker's scores of the history without each event."""

from dataclasses import replace

import numpy as np
import pytest

from freshet.data.history import model_input, select_events
from freshet.data.knn_blend import KNN_SCALE, RULE_SCALE, KnnBlend
from freshet.data.sequential_rules import count_rules
from freshet.errors import BundleError
from freshet.inference.bundle import open_bundle
from freshet.inference.explanation import explain
from freshet.inference.ranker import open_ranker
from tests.tiny_bundle import view_histories, write_bundle


@pytest.fixture(scope="module")
def ranker(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(folder)
    return open_ranker(open_bundle(folder))


class RepeatEncoder:
    """The tiny encoder, and every event adds a tenth of its gap bucket to its own item."""

    def __init__(self, session):
        self.session = session

    def run(self, names, feed):
        vectors, _ = self.session.run(names, feed)
        return vectors, (feed["gaps"] / 10).astype(np.float32)


def test_every_event_is_left_out_once_and_the_strongest_comes_first(ranker):
    (explanation,) = explain(ranker, view_histories(["a", "b", "c"]), np.array([5]))
    # e is 1.5 long and odd: a, b, c point to it with 2/3; without b wholly, without a or c with 1/2.
    assert explanation.score == pytest.approx(1.0)
    assert [(influence.event_row, round(influence.score_delta, 4)) for influence in explanation.contributions] == [
        (1, -0.5),
        (0, 0.25),
        (2, 0.25),
    ]


def with_neighbour_blend(ranker):
    """Every item goes with the next one, and with the one after that."""
    items = np.array([[(n + 1) % 7, (n + 2) % 7] for n in range(7)], dtype=np.int32)
    alike = np.where(items > 0, np.float32([0.5, 0.2]), np.float32(0))
    near = replace(ranker.bundle.baselines, neighbours=items, neighbour_scores=alike)
    return with_blend(ranker, near, KnnBlend(knn_weight=0.5, recency_decay=0.8))


def with_rule_blend(ranker):
    """After a comes b, after b now a, now c."""
    rules = count_rules(view_histories(["a", "b", "a"], ["b", "c"]), 0, 7)
    return with_blend(ranker, replace(ranker.bundle.baselines, rules=rules), KnnBlend(rule_weight=0.5))


def with_blend(ranker, baselines, blend):
    manifest = ranker.bundle.manifest.model_copy(update={"blend": blend})
    return replace(ranker, bundle=replace(ranker.bundle, baselines=baselines, manifest=manifest))


@pytest.mark.parametrize("mixed", [lambda ranker: ranker, with_neighbour_blend, with_rule_blend])
def test_no_other_removal_lowers_the_score_more(ranker, mixed):
    mixed_ranker = replace(mixed(ranker), session=RepeatEncoder(ranker.session))
    histories = view_histories(["f", "?", "a", "b", "a", "d", "c", "b"])  # the encoder reads the last four known items
    for item in range(1, 7):
        (explanation,) = explain(mixed_ranker, histories, np.array([item]))
        full_score = score(mixed_ranker, histories, item)
        scores_without = {row: score(mixed_ranker, without_event(histories, row), item) for row in range(8)}
        assert explanation.score == pytest.approx(full_score)
        assert {
            influence.event_row: pytest.approx(influence.score_delta, abs=1e-6)
            for influence in explanation.contributions
        } == {row: full_score - scores_without[row] for row in (4, 5, 6, 7)}
        strongest = max(explanation.contributions, key=lambda one: one.score_delta)
        assert scores_without[strongest.event_row] == pytest.approx(min(scores_without.values()))


def test_neighbours_of_the_history_are_part_of_the_score(ranker):
    (mixed,) = explain(with_neighbour_blend(ranker), view_histories(["a"]), np.array([2]))
    (explanation,) = explain(ranker, view_histories(["a"]), np.array([2]))
    assert mixed.score - explanation.score == pytest.approx(0.5 * np.log1p(0.5 / KNN_SCALE), rel=1e-5)


def test_sequential_rules_are_part_of_the_score(ranker):
    (mixed,) = explain(with_rule_blend(ranker), view_histories(["a"]), np.array([2]))
    (explanation,) = explain(ranker, view_histories(["a"]), np.array([2]))
    # One of a's two events went on to b.
    assert mixed.score - explanation.score == pytest.approx(0.5 * np.log1p(0.5 / RULE_SCALE), rel=1e-5)


def without_event(histories, row):
    return select_events(histories, np.arange(len(histories.items)) != row)


def score(ranker, histories, item):
    return float(ranker.score(model_input(histories, ranker.max_history))[0, item])


def test_many_items_are_explained_at_once(ranker):
    histories = view_histories(["a", "b", "b"])
    assert explain(ranker, histories, np.array([5, 2])) == [
        *explain(ranker, histories, np.array([5])),
        *explain(ranker, histories, np.array([2])),
    ]


def test_the_only_event_is_compared_with_an_empty_history(ranker):
    (explanation,) = explain(ranker, view_histories(["?", "b"]), np.array([6]))
    assert [(influence.event_row, round(influence.score_delta, 4)) for influence in explanation.contributions] == [
        (1, 1.6)
    ]


def test_the_score_for_an_unknown_shopper_is_the_items_popularity(ranker):
    (explanation,) = explain(ranker, view_histories(["?"]), np.array([2]))
    assert (explanation.score, explanation.contributions) == (9.0, ())


class BrokenEncoder:
    """An encoder that returns NaN."""

    def run(self, names, feed):
        return np.full((len(feed["items"]), 2), np.nan, np.float32), np.zeros(feed["items"].shape, np.float32)


def test_an_answer_that_is_no_number_is_no_explanation(ranker):
    with pytest.raises(BundleError, match="the shopper encoder gave something that is not a number"):
        explain(replace(ranker, session=BrokenEncoder()), view_histories(["a"]), np.array([1]))
