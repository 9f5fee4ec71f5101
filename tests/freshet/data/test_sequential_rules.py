"""Sequential rules: confidences by direction and event type, and their scores."""

import numpy as np
import pytest

from freshet.data import co_occurrence
from freshet.data.columns import EVENT_TYPE_CODES
from freshet.data.history import Histories, model_input
from freshet.data.sequential_rules import (
    BACKOFF_EVENTS,
    MAX_REPEAT_LAG,
    MAX_RULES,
    N_EVENT_TYPES,
    PREVIOUS_BASKET_WEIGHT,
    REPEAT_WEIGHT,
    STEP_DECAY,
    SequentialRules,
    count_rules,
    event_weights,
    repeat_rates,
)

VIEW_CODE, CART_CODE = EVENT_TYPE_CODES["view"], EVENT_TYPE_CODES["cart"]


def histories_of(*shoppers):
    """(item, second) or (item, second, type) per event of each shopper, landed on day 0."""
    rows = [(*row, VIEW_CODE)[:3] for shopper in shoppers for row in shopper]
    column = lambda n: np.array([row[n] for row in rows], dtype=np.int64)  # noqa: E731
    return Histories(
        np.array([str(n) for n in range(len(shoppers))]),
        np.cumsum([0, *map(len, shoppers)]).astype(np.int64),
        column(0),
        column(2),
        column(1),
        np.zeros(len(rows), dtype=np.int64),
    )


def rule_confidences(histories, size, kind=VIEW_CODE, train_until=0):
    """{(item, what follows): confidence} of the rules of one event type"""
    rules = count_rules(histories, train_until, size)
    return {
        (item, int(rules.items[at])): pytest.approx(float(rules.confidences[at]))
        for item in range(size)
        for at in range(*rules.offsets[item * N_EVENT_TYPES + kind - 1 : item * N_EVENT_TYPES + kind + 1])
    }


def rule_scores(rules, history, size):
    """(V + 1,) of one history"""
    batch = model_input(history, 100)
    return np.bincount(*rules.score(batch, size), minlength=size)


def test_a_rule_has_a_direction():
    assert rule_confidences(histories_of([(1, 0), (2, 60)]), 3) == {(1, 2): 1.0}


def test_a_rule_has_a_type():
    histories = histories_of([(1, 0), (2, 60)], [(1, 0, CART_CODE), (3, 60)])
    assert rule_confidences(histories, 4) == {(1, 2): 1.0}
    assert rule_confidences(histories, 4, CART_CODE) == {(1, 3): 1.0}


def test_a_confidence_is_a_share_of_the_events_of_the_item():
    assert rule_confidences(histories_of([(1, 0), (2, 60)], [(1, 0), (3, 60)], [(1, 0)], [(1, 0)]), 4) == {
        (1, 2): 0.25,
        (1, 3): 0.25,
    }


def test_later_baskets_weigh_less_and_the_fourth_nothing():
    actual = rule_confidences(histories_of([(n, n) for n in range(1, 6)]), 6)
    assert [actual.get((1, n)) for n in range(2, 6)] == [1.0, STEP_DECAY, STEP_DECAY**2, None]


def test_events_of_one_basket_are_no_rule():
    assert rule_confidences(histories_of([(1, 0), (2, 0)]), 3) == {}


def test_an_item_has_no_rule_about_itself():
    assert rule_confidences(histories_of([(1, 0), (1, 60), (2, 120)]), 3) == {
        (1, 2): pytest.approx((1 + STEP_DECAY) / 2)
    }


def test_other_shoppers_and_later_events_do_not_count():
    assert rule_confidences(histories_of([(1, 0)], [(2, 60)]), 3) == {}
    assert rule_confidences(histories_of([(1, 0), (2, 60)]), 3, train_until=-1) == {}


def test_returns_are_no_part_of_a_rule():
    return_code = EVENT_TYPE_CODES["return"]
    assert rule_confidences(histories_of([(1, 0), (2, 60, return_code), (3, 120)]), 4) == {(1, 3): 1.0}


def test_only_the_most_confident_rules_are_kept():
    repeated_pairs = [[(1, 0), (2, 60)]] * 3
    rules = count_rules(
        histories_of(*repeated_pairs, *[[(1, 0), (n, 60)] for n in range(3, MAX_RULES + 4)]), 0, MAX_RULES + 4
    )
    assert len(rules.items) == MAX_RULES
    assert rules.items[:2].tolist() == [2, 3]  # of equal ones the lower index


@pytest.mark.parametrize("chunk", [16, 1 << 22])
def test_sparse_and_dense_counts_are_equal(monkeypatch, chunk):
    draw = np.random.default_rng(0)
    busy = histories_of(
        *[[(int(i), t // 2, int(draw.integers(1, 4))) for t, i in enumerate(draw.integers(1, 9, 20))]] * 5
    )
    small = count_rules(busy, 0, 9)
    monkeypatch.setattr(co_occurrence, "MAX_DENSE_CELLS", 0)
    monkeypatch.setattr(co_occurrence, "MAX_PAIRS_PER_CHUNK", chunk)
    large = count_rules(busy, 0, 9)
    assert np.array_equal(small.items, large.items)
    assert np.allclose(small.confidences, large.confidences)


def test_a_repeat_rate_is_a_share_of_the_baskets_with_a_later_one():
    # Item 1 returns one basket on for the first shopper; two of the three baskets with it have a next one.
    rates = repeat_rates(histories_of([(1, 0), (1, 60)], [(1, 0), (2, 60)]), 3)
    assert rates.tolist() == [0.5, *[0.0] * (MAX_REPEAT_LAG - 1)]


def test_a_repeat_is_counted_at_its_lag():
    assert repeat_rates(histories_of([(1, 0), (2, 60), (1, 120)]), 3)[:3].tolist() == [0.0, 1.0, 0.0]


def test_a_type_with_few_events_backs_off_to_all_types():
    # One view of 1 went on to 2, three carts of 1 to 3. A view trusts its own rules by 1 / (1 + BACK_OFF).
    rules = count_rules(histories_of([(1, 0), (2, 60)], *[[(1, 0, CART_CODE), (3, 60)]] * 3), 0, 4)
    trust = 1 / (1 + BACKOFF_EVENTS)
    actual = rule_scores(rules, histories_of([(1, 0)]), 4)
    assert actual[[2, 3]].tolist() == pytest.approx([trust + (1 - trust) / 4, (1 - trust) * 3 / 4])


def test_a_type_without_events_has_the_rules_of_all_types():
    rules = count_rules(histories_of([(1, 0), (2, 60)], [(1, 0), (3, 60)]), 0, 4)
    assert rule_scores(rules, histories_of([(1, 0, CART_CODE)]), 4)[[2, 3]].tolist() == pytest.approx([0.5, 0.5])


def test_the_events_of_a_basket_share_its_weight_and_the_last_basket_weighs_most():
    batch = model_input(histories_of([(1, 0), (2, 60), (3, 60)]), 100)
    assert event_weights(batch).tolist() == pytest.approx([PREVIOUS_BASKET_WEIGHT, 0.5, 0.5])


def test_an_event_too_long_ago_has_no_rules():
    batch = model_input(histories_of([(1, second) for second in range(30)]), 100)
    assert (event_weights(batch) > 0).tolist() == [False] * 15 + [True] * 15


def test_an_item_of_the_history_gets_the_repeat_rate():
    rules = count_rules(histories_of([(1, 0), (1, 60)], [(1, 0), (2, 60)]), 0, 3)
    assert rule_scores(rules, histories_of([(1, 0)]), 3)[1] == pytest.approx(REPEAT_WEIGHT * 0.5)


def test_items_newer_than_the_table_have_no_rules():
    assert rule_scores(SequentialRules.empty(), histories_of([(1, 0), (2, 60)]), 4).tolist() == [0, 0, 0, 0]


def test_without_events_there_are_no_rules():
    assert rule_confidences(histories_of(), 3) == {}
    assert repeat_rates(histories_of(), 3).tolist() == [0] * MAX_REPEAT_LAG


def test_truncate_keeps_the_rules_with_the_highest_confidence():
    rules = count_rules(histories_of([(1, 0), (2, 1), (3, 2), (1, 3)], [(1, 0), (2, 1)]), 0, 4)
    top_rules = rules.truncate(1)
    assert top_rules.items.tolist() == [2, 3, 1]  # 1 → 2, 2 → 3, 3 → 1
    assert top_rules.offsets[[N_EVENT_TYPES, 2 * N_EVENT_TYPES, 3 * N_EVENT_TYPES, 4 * N_EVENT_TYPES]].tolist() == [
        0,
        1,
        2,
        3,
    ]
