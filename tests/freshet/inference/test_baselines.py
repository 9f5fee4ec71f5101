"""The baseline scorers: popular items and item-to-item."""

from dataclasses import replace

import numpy as np
import pytest

from freshet.data.history import model_input
from freshet.data.sequential_rules import STEP_DECAY, count_rules
from freshet.data.training_set import TrainingSet
from freshet.errors import BundleError
from freshet.inference.baselines import (
    MAX_HISTORY_EVENTS,
    RECENCY_DECAY,
    SELF_SIMILARITY,
    Baselines,
    ItemKnnScorer,
    PopularityScorer,
    SequentialRulesScorer,
    build_baselines,
    load_baselines,
    save_baselines,
)
from tests.tiny_bundle import POPULARITY, view_histories, vocabulary

EXCLUDED_PADDING = np.arange(7) == 0
# a is near c (0.5) and b (0.25); b is near f (0.5).
NEIGHBOURS = np.zeros((7, 2), dtype=np.int32)
NEIGHBOURS[1], NEIGHBOURS[2] = [3, 2], [6, 0]
SIMILARITIES = np.zeros((7, 2), dtype=np.float32)
SIMILARITIES[1], SIMILARITIES[2] = [0.5, 0.25], [0.5, 0]
BASELINES = Baselines(POPULARITY, NEIGHBOURS, SIMILARITIES)


def scores_of_baselines(*shoppers):
    return model_input(view_histories(*shoppers), MAX_HISTORY_EVENTS)


def test_popular_gives_all_shoppers_the_same_list():
    scores = PopularityScorer(BASELINES, EXCLUDED_PADDING).score(scores_of_baselines(["a"], []))
    assert scores.tolist() == [[-np.inf, 1, 9, 3, 4, 5, 0]] * 2


def test_item_to_item_adds_up_the_neighbours_of_the_history():
    scores = ItemKnnScorer(BASELINES, EXCLUDED_PADDING).score(scores_of_baselines(["a", "b"]))[0]
    # a is one basket older than b: its neighbours weigh RECENCY.
    expected = [RECENCY_DECAY * SELF_SIMILARITY, RECENCY_DECAY * 0.25 + SELF_SIMILARITY, RECENCY_DECAY * 0.5, 0, 0, 0.5]
    assert scores[1:] == pytest.approx(expected, abs=1e-5)
    assert scores[0] == -np.inf


def test_items_without_a_common_neighbour_follow_by_popularity():
    scores = ItemKnnScorer(BASELINES, EXCLUDED_PADDING).score(scores_of_baselines(["f"]))[0]
    assert np.argsort(-scores).tolist()[:4] == [6, 2, 5, 4]  # f again, then b, e, d


def test_a_history_of_unknown_items_gets_popular_items():
    scores = ItemKnnScorer(BASELINES, EXCLUDED_PADDING).score(scores_of_baselines(["a"], []))[1]
    assert np.argsort(-scores).tolist()[:3] == [2, 5, 4]


def test_excluded_items_are_not_recommended():
    excluded_items = EXCLUDED_PADDING | (np.arange(7) == 3)
    assert ItemKnnScorer(BASELINES, excluded_items).score(scores_of_baselines(["a"]))[0, 3] == -np.inf
    assert PopularityScorer(BASELINES, excluded_items).score(scores_of_baselines(["a"]))[0, 3] == -np.inf


def training_set(popularity):
    histories = view_histories(["a", "b", "b", "?"])
    empty = np.zeros(1, dtype=np.int64)
    return TrainingSet(histories, vocabulary(), popularity, np.zeros(7), empty, empty, empty, train_until=0, as_of=1)


def test_popularity_is_that_of_the_last_week():
    assert build_baselines(training_set(POPULARITY)).popularity is POPULARITY


def test_after_a_week_without_events_popularity_is_that_of_all_time():
    assert build_baselines(training_set(np.zeros(7))).popularity.tolist() == [0, 1, 2, 0, 0, 0, 0]


def test_baselines_come_back_as_they_went(tmp_path):
    save_baselines(BASELINES, tmp_path / "b.npz")
    loaded_copy = load_baselines(tmp_path / "b.npz")
    assert np.array_equal(loaded_copy.popularity, POPULARITY)
    assert np.array_equal(loaded_copy.neighbours, NEIGHBOURS)
    assert np.array_equal(loaded_copy.neighbour_scores, SIMILARITIES)


def test_sequential_rules_come_back_as_they_went(tmp_path):
    rules = count_rules(view_histories(["a", "b", "a"], ["a", "c"]), 0, 7)
    save_baselines(replace(BASELINES, rules=rules), tmp_path / "b.npz")
    loaded_copy = load_baselines(tmp_path / "b.npz").rules
    for one, other in ((rules, loaded_copy), (loaded_copy, rules)):
        assert {name: values.tolist() for name, values in vars(one).items()} == {
            name: values.tolist() for name, values in vars(other).items()
        }
    assert loaded_copy.items.tolist() == [2, 3, 1]  # a → b, a → c, b → a


def test_a_file_from_before_there_were_rules_has_none(tmp_path):
    np.savez(tmp_path / "b.npz", popularity=POPULARITY, neighbours=NEIGHBOURS, neighbour_scores=SIMILARITIES)
    baselines = load_baselines(tmp_path / "b.npz")
    assert len(baselines.rules) == 0
    scores = SequentialRulesScorer(baselines, EXCLUDED_PADDING).score(scores_of_baselines(["f"]))[0]
    assert np.argsort(-scores).tolist()[:3] == [2, 5, 4]  # what is popular


def test_sequential_rules_say_what_comes_after_the_last_item_and_what_comes_again():
    rules = count_rules(view_histories(["a", "b", "f"], ["a", "c"]), 0, 7)
    scores = SequentialRulesScorer(replace(BASELINES, rules=rules), EXCLUDED_PADDING).score(
        scores_of_baselines(["f", "a"])
    )[0]
    # Half of a's events went on to b, half to c; f came two baskets after one of its two events.
    expected = [0, 0.5, 0.5, 0, 0, STEP_DECAY / 2]
    assert scores[1:] == pytest.approx(expected, abs=1e-5)
    assert scores[0] == -np.inf


def test_all_baselines_are_counted_up_to_the_cut():
    rules = build_baselines(training_set(POPULARITY)).rules
    assert rules.items.tolist() == [2]  # a → b
    assert rules.repeat_rates[0] == 0.5  # a and the first b have a next basket; b is in it once


def test_something_else_is_refused(tmp_path):
    (tmp_path / "b.npz").write_bytes(b"PK\x03\x04 no baselines")
    with pytest.raises(BundleError, match="it does not hold baselines"):
        load_baselines(tmp_path / "b.npz")
