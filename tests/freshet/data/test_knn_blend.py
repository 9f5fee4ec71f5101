"""The blend of nearest neighbours: scores of the items near a history."""

import math
from dataclasses import replace

import numpy as np
import pytest
from pydantic import TypeAdapter

from freshet.data.history import ModelInput, basket_lags
from freshet.data.knn_blend import (
    KNN_SCALE,
    NO_BLEND,
    RULE_SCALE,
    BlendTables,
    ItemKnn,
    KnnBlend,
    add_blend,
    score_neighbours,
    score_rules,
)
from freshet.data.sequential_rules import MAX_REPEAT_LAG, N_EVENT_TYPES, REPEAT_WEIGHT, SequentialRules

# item 1 goes with 2 and 3, item 2 with 3, item 3 with none
NEIGHBOUR_TABLE = ItemKnn(
    np.array([[0, 0], [2, 3], [3, 0], [0, 0]], dtype=np.int32),
    np.array([[0, 0], [0.5, 0.25], [0.4, 0], [0, 0]], dtype=np.float32),
)
# after a view of item 1 comes 2 with 0.25; an item comes again in the next basket with 0.1
RULES_TABLE = replace(
    SequentialRules.empty(4),
    offsets=np.where(np.arange(4 * N_EVENT_TYPES + 1) > N_EVENT_TYPES, 1, 0),
    items=np.array([2], dtype=np.int32),
    confidences=np.array([0.25], dtype=np.float32),
    counts=np.bincount([N_EVENT_TYPES], [1000], minlength=4 * N_EVENT_TYPES).astype(np.int32),
    repeat_rates=np.array([0.1, *[0.0] * (MAX_REPEAT_LAG - 1)], dtype=np.float32),
)
TABLES = BlendTables(NEIGHBOUR_TABLE, RULES_TABLE)


def batch_of(*histories: list[tuple[int, int]]) -> ModelInput:
    """A list of (item, second) per history."""
    offsets = np.cumsum([0, *(len(h) for h in histories)])
    items, times = np.array([pair for h in histories for pair in h], dtype=np.int64).reshape(-1, 2).T
    return ModelInput(offsets, items, np.ones_like(items), np.zeros_like(items), times)


def neighbour_scores(batch: ModelInput, recency: float) -> dict[int, float]:
    cells, values = score_neighbours(batch, NEIGHBOUR_TABLE, recency, 4)
    return {int(cell): KNN_SCALE * math.expm1(value) for cell, value in zip(cells, values, strict=True)}


def test_neighbours_of_the_last_basket_score_highest():
    # item 1 a basket ago, item 2 in the last: 2 is near by 0.5 · 0.5, 3 by 0.5 · 0.25 + 0.4
    assert neighbour_scores(batch_of([(1, 0), (2, 60)]), 0.5) == pytest.approx({2: 0.25, 3: 0.525})


def test_events_of_one_second_are_equally_recent():
    assert basket_lags(batch_of([(1, 0), (2, 0), (3, 9)], [], [(1, 5)])).tolist() == [1, 1, 0, 0]
    assert neighbour_scores(batch_of([(1, 7), (2, 7)]), 0.5) == pytest.approx({2: 0.5, 3: 0.65})


def test_every_history_has_separate_cells():
    assert neighbour_scores(batch_of([(1, 0)], [], [(2, 0)]), 0.5) == pytest.approx({2: 0.5, 3: 0.25, 11: 0.4})


def test_an_event_too_long_ago_has_no_score():
    old_history = [(1, 0), *((3, 60 * n) for n in range(1, 8))]  # 0.5 ** 7 is below MIN_EVENT_WEIGHT
    assert neighbour_scores(batch_of(old_history), 0.5) == {}


def test_an_item_newer_than_the_table_has_no_neighbours():
    assert neighbour_scores(batch_of([(4, 0), (2, 60)]), 0.5) == pytest.approx({3: 0.4})


def test_the_weighted_logarithm_is_added_to_the_scores():
    scores = np.zeros((1, 4), dtype=np.float32)
    add_blend(scores, batch_of([(1, 0)]), TABLES, KnnBlend(knn_weight=2.0, recency_decay=0.5))
    assert scores[0] == pytest.approx([0, 0, 2 * math.log1p(0.5 / KNN_SCALE), 2 * math.log1p(0.25 / KNN_SCALE)])


def test_a_blend_of_zero_weights_changes_no_score():
    scores = np.ones((1, 4), dtype=np.float32)
    add_blend(scores, batch_of([(1, 0)]), TABLES, NO_BLEND)
    assert scores.tolist() == [[1, 1, 1, 1]]


def test_rules_and_repeats_are_added():
    scores = np.zeros((2, 4), dtype=np.float32)
    add_blend(scores, batch_of([(3, 0)], [(1, 0)]), TABLES, KnnBlend(rule_weight=2.0))
    repeat_score, after = (2 * math.log1p(x / RULE_SCALE) for x in (REPEAT_WEIGHT * 0.1, 0.25))
    assert scores == pytest.approx(np.array([[0, 0, 0, repeat_score], [0, repeat_score, after, 0]]), rel=1e-5)


def test_rules_of_several_events_are_summed_before_the_logarithm():
    cells, values = score_rules(batch_of([(1, 0), (1, 0), (2, 0)]), RULES_TABLE, 4)
    confidences = {int(cell): RULE_SCALE * math.expm1(value) for cell, value in zip(cells, values, strict=True)}
    # Two of the basket's three events are of item 1: they come again twice, and 2 after both.
    assert confidences == pytest.approx({1: REPEAT_WEIGHT * 0.2, 2: REPEAT_WEIGHT * 0.1 + 0.25 * 2 / 3}, rel=1e-5)


def test_a_stored_blend_is_read_under_its_former_field_names():
    stored = {"trust": 0.4, "recency": 0.5, "rules": 0.1}
    assert KnnBlend(**stored) == KnnBlend(0.4, 0.5, 0.1) == TypeAdapter(KnnBlend).validate_python(stored)
