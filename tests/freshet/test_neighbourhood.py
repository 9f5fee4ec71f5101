import math
from dataclasses import replace

import numpy as np
import pytest

from freshet.history import ModelInput, baskets_ago
from freshet.neighbourhood import NO_BLEND, RULE_SCALE, SCALE, Blend, Neighbours, Tables, add_tables, follow, near
from freshet.sequential_rules import RETURN, RETURNS, TYPES, Rules

# item 1 goes with 2 and 3, item 2 with 3, item 3 with nobody
TABLE = Neighbours(
    np.array([[0, 0], [2, 3], [3, 0], [0, 0]], dtype=np.int32),
    np.array([[0, 0], [0.5, 0.25], [0.4, 0], [0, 0]], dtype=np.float32),
)
# after a view of item 1 comes 2 with 0.25; an item comes again in the next basket with 0.1
RULES = replace(
    Rules.none(4),
    offsets=np.where(np.arange(4 * TYPES + 1) > TYPES, 1, 0),
    items=np.array([2], dtype=np.int32),
    confidences=np.array([0.25], dtype=np.float32),
    counts=np.bincount([TYPES], [1000], minlength=4 * TYPES).astype(np.int32),
    returns=np.array([0.1, *[0.0] * (RETURNS - 1)], dtype=np.float32),
)
TABLES = Tables(TABLE, RULES)


def asked(*histories: list[tuple[int, int]]) -> ModelInput:
    """A list of (item, second) per history."""
    offsets = np.cumsum([0, *(len(h) for h in histories)])
    items, times = np.array([pair for h in histories for pair in h], dtype=np.int64).reshape(-1, 2).T
    return ModelInput(offsets, items, np.ones_like(items), np.zeros_like(items), times)


def nearness(batch: ModelInput, recency: float) -> dict[int, float]:
    cells, values = near(batch, TABLE, recency, 4)
    return {int(cell): SCALE * math.expm1(value) for cell, value in zip(cells, values, strict=True)}


def test_what_goes_with_the_last_basket_is_nearest():
    # item 1 a basket ago, item 2 in the last: 2 is near by 0.5 · 0.5, 3 by 0.5 · 0.25 + 0.4
    assert nearness(asked([(1, 0), (2, 60)]), 0.5) == pytest.approx({2: 0.25, 3: 0.525})


def test_events_of_one_second_are_equally_recent():
    assert baskets_ago(asked([(1, 0), (2, 0), (3, 9)], [], [(1, 5)])).tolist() == [1, 1, 0, 0]
    assert nearness(asked([(1, 7), (2, 7)]), 0.5) == pytest.approx({2: 0.5, 3: 0.65})


def test_every_history_has_cells_of_its_own():
    assert nearness(asked([(1, 0)], [], [(2, 0)]), 0.5) == pytest.approx({2: 0.5, 3: 0.25, 11: 0.4})


def test_an_event_too_long_ago_is_not_heard():
    long_ago = [(1, 0), *((3, 60 * n) for n in range(1, 8))]  # 0.5 ** 7 is below FAINT
    assert nearness(asked(long_ago), 0.5) == {}


def test_an_item_younger_than_the_table_has_met_nobody():
    assert nearness(asked([(4, 0), (2, 60)]), 0.5) == pytest.approx({3: 0.4})


def test_trust_times_the_log_is_added_and_nothing_elsewhere():
    scores = np.zeros((1, 4), dtype=np.float32)
    add_tables(scores, asked([(1, 0)]), TABLES, Blend(trust=2.0, recency=0.5))
    assert scores[0] == pytest.approx([0, 0, 2 * math.log1p(0.5 / SCALE), 2 * math.log1p(0.25 / SCALE)])


def test_without_trust_scores_stay_as_they_are():
    scores = np.ones((1, 4), dtype=np.float32)
    add_tables(scores, asked([(1, 0)]), TABLES, NO_BLEND)
    assert scores.tolist() == [[1, 1, 1, 1]]


def test_what_comes_after_and_what_comes_again_is_added_too():
    scores = np.zeros((2, 4), dtype=np.float32)
    add_tables(scores, asked([(3, 0)], [(1, 0)]), TABLES, Blend(rules=2.0))
    again, after = (2 * math.log1p(x / RULE_SCALE) for x in (RETURN * 0.1, 0.25))
    assert scores == pytest.approx(np.array([[0, 0, 0, again], [0, again, after, 0]]), rel=1e-5)


def test_what_comes_after_several_events_is_summed_before_the_log():
    cells, values = follow(asked([(1, 0), (1, 0), (2, 0)]), RULES, 4)
    found = {int(cell): RULE_SCALE * math.expm1(value) for cell, value in zip(cells, values, strict=True)}
    # Two of the basket's three events are of item 1: they come again twice, and 2 after both.
    assert found == pytest.approx({1: RETURN * 0.2, 2: RETURN * 0.1 + 0.25 * 2 / 3}, rel=1e-5)
