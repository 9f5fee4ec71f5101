"""Sequential rules: which items follow an event of an item and type, and how often items are repeated.

confidence(i, t → j) = weight of all j in the MAX_STEPS baskets after an event of item i and type t / events of i and t

A basket further on weighs STEP_DECAY of the one before it. "Sequential rules" of Ludewig and Jannach, Evaluation of
session-based recommendation algorithms (2018); with the next basket alone it is a first-order Markov chain. Items with
few events of a type back off to all types: with n events of the type, n / (n + BACKOFF_EVENTS) of the confidence comes
from the type's rules, the rest from the mean over the item's events of all types.

repeat_rates[k - 1] = share of the baskets k after one with item i that hold i again, over all items: repeat consumption
(Anderson et al. 2014). An item therefore has no rule about itself.

score(j) = Σ over a history's events e of weight(e) · confidence(e → j)
         + REPEAT_WEIGHT · Σ over its events e of item j of repeat_rates[k - 1], k: baskets from e to the next basket
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freshet.data.co_occurrence import Floats, cooccurrence_pairs, sum_pair_weights, top_k_per_group
from freshet.data.columns import EVENT_TYPES
from freshet.data.history import Histories, Ints, ModelInput, basket_ids, basket_lags, is_target, select_events

# Tuned on weeks before the evaluation weeks, on orders and clicks together: docs/evaluation.md.
MAX_STEPS: Final = 3  # a rule reaches this many baskets
STEP_DECAY: Final = 0.2  # weight of a basket relative to the one before it
BACKOFF_EVENTS: Final = 1.0  # number of events at which a type's own rules weigh half
MAX_RULES: Final = 50  # per item and type
PREVIOUS_BASKET_WEIGHT: Final = 0.04  # weight of a history's last but one basket; the last one's is 1
BASKET_DECAY: Final = 0.9  # weight of an earlier basket relative to the one after it
MIN_EVENT_WEIGHT: Final = 0.01  # events with a smaller weight are left out: the last few baskets remain
REPEAT_WEIGHT: Final = 0.6  # weight of a repeat rate relative to a confidence
MAX_REPEAT_LAG: Final = 20  # repeat rates are counted up to this lag; larger lags use the last one

N_EVENT_TYPES: Final = len(EVENT_TYPES)


@dataclass(frozen=True)
class SequentialRules:
    """Rules in rows: row item · N_EVENT_TYPES + type - 1 owns `offsets[row]:offsets[row + 1]`, by confidence."""

    offsets: Ints  # ((V + 1) · N_EVENT_TYPES + 1,)
    items: NDArray[np.int32]  # (R,) the item that follows
    confidences: NDArray[np.float32]  # (R,)
    counts: NDArray[np.int32]  # ((V + 1) · N_EVENT_TYPES,) events with the row's item and type
    repeat_rates: NDArray[np.float32]  # (MAX_REPEAT_LAG,) repeat rate at lag 1, 2, …

    def __len__(self) -> int:
        """V + 1."""
        return len(self.counts) // N_EVENT_TYPES

    @classmethod
    def fit(cls, histories: Histories, n_items: int) -> "SequentialRules":
        """Count all of `histories`, for a vocabulary of `n_items` items."""
        return count_rules(histories, int(histories.days.max(initial=0)), n_items + 1)

    @classmethod
    def empty(cls, vocab_size: int = 0) -> "SequentialRules":
        """Return a table without rules; vocab_size: V + 1."""
        offsets = np.zeros(vocab_size * N_EVENT_TYPES + 1, dtype=np.int64)
        empty_floats = np.zeros(0, np.float32)
        return cls(
            offsets,
            items=empty_floats.astype(np.int32),
            confidences=empty_floats,
            counts=np.zeros(vocab_size * N_EVENT_TYPES, np.int32),
            repeat_rates=np.zeros(MAX_REPEAT_LAG, np.float32),
        )

    def truncate(self, max_rules: int) -> "SequentialRules":
        """Return the table with at most `max_rules` rules per item and type, those with the highest confidence."""
        sizes = np.diff(self.offsets)
        is_top = np.arange(len(self.items)) - np.repeat(self.offsets[:-1], sizes) < max_rules
        offsets = np.concatenate([[0], np.cumsum(np.minimum(sizes, max_rules))])
        return replace(self, offsets=offsets, items=self.items[is_top], confidences=self.confidences[is_top])

    def score(self, batch: ModelInput, n_columns: int) -> tuple[Ints, Floats]:
        """Return (cells, values), both (n,), whose sums per cell are the scores of B histories.

        A cell is a position in flat scores (B, n_columns) and may occur several times.
        """
        row = np.repeat(np.arange(len(batch.offsets) - 1), np.diff(batch.offsets)) * n_columns  # (N,)
        events, targets, values = self.next_items(batch.items, batch.types, event_weights(batch))
        repeat_scores = REPEAT_WEIGHT * self.repeat_rates[np.minimum(basket_lags(batch), MAX_REPEAT_LAG - 1)]  # (N,)
        cells: Ints = np.concatenate([row[events] + targets, row + batch.items])
        return cells, np.concatenate([values, repeat_scores.astype(np.float64)])

    def next_items(self, items: Ints, types: Ints, weights: Floats) -> tuple[Ints, Ints, Floats]:
        """Return (events, items, values), each (n,): the items that follow N events, and confidence times weight.

        items, types, weights (N,): the events. The same item may occur several times per event, once for each type.
        Items without rules have no row.
        """
        with_rules = np.flatnonzero((items < len(self)) & (weights > 0))
        rows, shares = self._backoff_rows(items[with_rules], types[with_rules])  # (n, TYPES) each
        used = np.flatnonzero(shares.ravel() > 0)
        row = rows.ravel()[used]
        sizes = self.offsets[row + 1] - self.offsets[row]
        rule_starts = np.cumsum(sizes) - sizes
        rules = np.arange(sizes.sum()) + np.repeat(self.offsets[row] - rule_starts, sizes)
        events = with_rules[used // N_EVENT_TYPES]
        values = np.repeat(shares.ravel()[used] * weights[events], sizes) * self.confidences[rules]
        return np.repeat(events, sizes), self.items[rules].astype(np.int64), values

    def _backoff_rows(self, items: Ints, types: Ints) -> tuple[Ints, Floats]:
        """Return (n, N_EVENT_TYPES) the rows of each event's item, and the share of each row after back-off."""
        rows = items[:, None] * N_EVENT_TYPES + np.arange(N_EVENT_TYPES)
        events = self.counts[rows].astype(np.float64)
        total = np.maximum(events.sum(axis=1, keepdims=True), 1.0)
        is_own_type = np.arange(N_EVENT_TYPES) == types[:, None] - 1
        type_weight = (events * is_own_type).sum(axis=1, keepdims=True)
        type_weight /= type_weight + BACKOFF_EVENTS
        return rows, (1 - type_weight) * events / total + type_weight * is_own_type


def count_rules(histories: Histories, train_until: int, vocab_size: int) -> SequentialRules:
    """Count the events up to landing day `train_until`, without returns. vocab_size: V + 1."""
    is_counted = (histories.days <= train_until) & (histories.items > 0) & is_target(histories.types)
    counted = select_events(histories, is_counted)
    row = counted.items * N_EVENT_TYPES + counted.types - 1  # (N,)
    pairs = cooccurrence_pairs(counted, row, vocab_size, MAX_STEPS, include_same_basket=False)
    codes, weights = sum_pair_weights(pairs, _step_weights(), vocab_size * N_EVENT_TYPES * vocab_size)
    counts = np.bincount(row, minlength=vocab_size * N_EVENT_TYPES)
    is_distinct = codes // vocab_size // N_EVENT_TYPES != codes % vocab_size
    first, second = codes[is_distinct] // vocab_size, codes[is_distinct] % vocab_size
    confidence = weights[is_distinct, 0] / counts[first]
    top, _ = top_k_per_group(first, confidence, MAX_RULES)
    offsets = np.searchsorted(first[top], np.arange(vocab_size * N_EVENT_TYPES + 1))
    return SequentialRules(
        offsets,
        items=second[top].astype(np.int32),
        confidences=confidence[top].astype(np.float32),
        counts=counts.astype(np.int32),
        repeat_rates=repeat_rates(counted, vocab_size).astype(np.float32),
    )


def event_weights(batch: ModelInput) -> Floats:
    """Return (N,) the weight of each event: a basket's weight, 1 for the last one, is shared by its events.

    A large basket therefore counts no more than a small one.
    """
    basket = basket_ids(batch.times, batch.offsets)
    lags = basket_lags(batch)
    weights = (
        np.where(lags == 0, 1.0, PREVIOUS_BASKET_WEIGHT * BASKET_DECAY ** (lags - 1.0)) / np.bincount(basket)[basket]
    )
    return np.where((weights >= MIN_EVENT_WEIGHT) | (lags == 0), weights, 0.0)


def repeat_rates(histories: Histories, vocab_size: int) -> Floats:
    """Return (MAX_REPEAT_LAG,) the share of (shopper, item, basket) whose item is repeated 1, 2, … baskets later.

    Only baskets with at least that many later baskets count. vocab_size: V + 1.
    """
    basket = basket_ids(histories.times, histories.offsets)
    owners = np.repeat(np.arange(len(histories)), np.diff(histories.offsets))
    key = owners * vocab_size + histories.items
    order = np.argsort(key, kind="stable")
    key, key_baskets = key[order], basket[order]
    # Of several events of an item in a basket the first one counts.
    is_first = np.append(True, (np.diff(key) != 0) | (np.diff(key_baskets) != 0))[: len(key)]
    key, key_baskets = key[is_first], key_baskets[is_first]
    repeats = np.zeros(MAX_REPEAT_LAG + 1)
    for shift in range(1, MAX_REPEAT_LAG + 1):
        gaps = np.where(key[shift:] == key[:-shift], key_baskets[shift:] - key_baskets[:-shift], 0)
        repeats += np.bincount(gaps[gaps <= MAX_REPEAT_LAG], minlength=MAX_REPEAT_LAG + 1)
    last_baskets = basket[histories.offsets[1:] - 1] if len(basket) else basket  # (S,) unused for empty histories
    remaining = np.bincount(
        np.minimum(last_baskets[key // vocab_size] - key_baskets, MAX_REPEAT_LAG), minlength=MAX_REPEAT_LAG + 1
    )
    opportunities = np.cumsum(remaining[::-1])[::-1]  # with at least 0, 1, 2, … later baskets
    return repeats[1:] / np.maximum(opportunities[1:], 1)


def _step_weights() -> Floats:
    """Return (MAX_STEPS + 1, 1) weights by gap in baskets; events of the same basket are no rule."""
    return np.concatenate([[0.0], STEP_DECAY ** np.arange(MAX_STEPS)])[:, None]
