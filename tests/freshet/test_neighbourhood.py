import math

import numpy as np
import pytest

from freshet.history import ModelInput
from freshet.neighbourhood import NO_BLEND, SCALE, Blend, Neighbours, add_near, baskets_ago, near

# item 1 goes with 2 and 3, item 2 with 3, item 3 with nobody
TABLE = Neighbours(
    np.array([[0, 0], [2, 3], [3, 0], [0, 0]], dtype=np.int32),
    np.array([[0, 0], [0.5, 0.25], [0.4, 0], [0, 0]], dtype=np.float32),
)


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
    add_near(scores, asked([(1, 0)]), TABLE, Blend(trust=2.0, recency=0.5))
    assert scores[0] == pytest.approx([0, 0, 2 * math.log1p(0.5 / SCALE), 2 * math.log1p(0.25 / SCALE)])


def test_without_trust_scores_stay_as_they_are():
    scores = np.ones((1, 4), dtype=np.float32)
    add_near(scores, asked([(1, 0)]), TABLE, NO_BLEND)
    assert scores.tolist() == [[1, 1, 1, 1]]
