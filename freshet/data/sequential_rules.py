"""What comes after what: sequential rules of one event, kept apart by the event's type, and how often items come again.

confidence(i, t → j) = weight of all j in the STEPS baskets after an event of item i and type t / events of i and t

A basket further on weighs STEP_DECAY of the one before it. After Ludewig and Jannach, Evaluation of session-based
recommendation algorithms (2018), "sequential rules"; with the next basket alone it is a Markov chain of first order.
Where an item has few events of a type, its rules of all types stand in: with n events of the type, n / (n + BACK_OFF)
of the confidence comes from the type's own rules, the rest from the mean over the item's events of every type.

return rate(k) = share of the baskets k after one with item i that hold i again, over all items: repeat consumption
(Anderson et al. 2014). So an item has no rule about itself.

score(j) = Σ over a history's events e of weight(e) · confidence(e → j)
         + RETURN · Σ over its events e of item j of return rate(baskets since e, the asked one too)
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freshet.data.co_occurrence import Floats, cooccurrence_pairs, sum_pair_weights, top_k_per_group
from freshet.data.columns import EVENT_TYPES
from freshet.data.history import Histories, Ints, ModelInput, basket_ids, basket_lags, is_target, select_events

# Chosen once, on weeks before the judged ones, for orders and clicks together: docs/evaluation.md.
MAX_STEPS: Final = 3  # baskets on
STEP_DECAY: Final = 0.2  # a basket's weight against the one before it
BACKOFF_EVENTS: Final = 1.0  # events of a type that weigh as much as all types together
MAX_RULES: Final = 50  # rules kept of an item and a type
PREVIOUS_BASKET_WEIGHT: Final = 0.04  # weight of a history's last basket but one, against its last
BASKET_DECAY: Final = 0.9  # of every basket before that, against the one after it
MIN_EVENT_WEIGHT: Final = 0.01  # events that weigh less are left out: the last few baskets remain
REPEAT_WEIGHT: Final = 0.6  # weight of a return rate against a confidence
MAX_REPEAT_LAG: Final = 20  # baskets after which a return rate is measured; later ones have the last

N_EVENT_TYPES: Final = len(EVENT_TYPES)


@dataclass(frozen=True)
class RuleTable:
    """Rules in rows: row item · TYPES + type - 1 owns `offsets[row]:offsets[row + 1]`, most confident first."""

    offsets: Ints  # ((V + 1) · TYPES + 1,)
    items: NDArray[np.int32]  # (R,) what comes after
    confidences: NDArray[np.float32]  # (R,)
    counts: NDArray[np.int32]  # ((V + 1) · TYPES,) events with the row's item and type
    repeat_rates: NDArray[np.float32]  # (RETURNS,) return rate 1, 2, … baskets on

    def __len__(self) -> int:
        """V + 1."""
        return len(self.counts) // N_EVENT_TYPES

    @classmethod
    def fit(cls, histories: Histories, n_items: int) -> "RuleTable":
        """Counted over all of `histories`, for a vocabulary of `items`."""
        return count_rules(histories, int(histories.days.max(initial=0)), n_items + 1)

    @classmethod
    def empty(cls, vocab_size: int = 0) -> "RuleTable":
        """No rule about any of `size` items (V + 1)."""
        offsets = np.zeros(vocab_size * N_EVENT_TYPES + 1, dtype=np.int64)
        empty_floats = np.zeros(0, np.float32)
        return cls(
            offsets,
            empty_floats.astype(np.int32),
            empty_floats,
            np.zeros(vocab_size * N_EVENT_TYPES, np.int32),
            np.zeros(MAX_REPEAT_LAG, np.float32),
        )

    def truncate(self, max_rules: int) -> "RuleTable":
        """The same with at most so many rules of an item and a type, the most confident."""
        sizes = np.diff(self.offsets)
        is_top = np.arange(len(self.items)) - np.repeat(self.offsets[:-1], sizes) < max_rules
        offsets = np.concatenate([[0], np.cumsum(np.minimum(sizes, max_rules))])
        return replace(self, offsets=offsets, items=self.items[is_top], confidences=self.confidences[is_top])

    def score(self, batch: ModelInput, n_columns: int) -> tuple[Ints, Floats]:
        """(cells, values), both (n,): what adds up to the scores of B histories. A cell is a place in flat scores
        (B, columns) and may stand here several times.
        """
        row = np.repeat(np.arange(len(batch.offsets) - 1), np.diff(batch.offsets)) * n_columns  # (N,)
        events, targets, values = self.next_items(batch.items, batch.types, event_weights(batch))
        repeat_scores = REPEAT_WEIGHT * self.repeat_rates[np.minimum(basket_lags(batch), MAX_REPEAT_LAG - 1)]  # (N,)
        cells: Ints = np.concatenate([row[events] + targets, row + batch.items])
        return cells, np.concatenate([values, repeat_scores.astype(np.float64)])

    def next_items(self, items: Ints, types: Ints, weights: Floats) -> tuple[Ints, Ints, Floats]:
        """(events, following, values), each (n,): what comes after N events, the confidences times `weights` (N,).

        An item may stand in it several times, once for each type of the event's item. Items without rules give nothing.
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
        """(n, TYPES) the rows of each event's item, and how much each of them says about the event."""
        rows = items[:, None] * N_EVENT_TYPES + np.arange(N_EVENT_TYPES)
        events = self.counts[rows].astype(np.float64)
        total = np.maximum(events.sum(axis=1, keepdims=True), 1.0)
        is_own_type = np.arange(N_EVENT_TYPES) == types[:, None] - 1
        type_weight = (events * is_own_type).sum(axis=1, keepdims=True)
        type_weight /= type_weight + BACKOFF_EVENTS
        return rows, (1 - type_weight) * events / total + type_weight * is_own_type


def count_rules(histories: Histories, train_until: int, vocab_size: int) -> RuleTable:
    """Counted over the events landed by day `cut`; returns neither precede nor follow anything. size: V + 1."""
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
    return RuleTable(
        offsets,
        second[top].astype(np.int32),
        confidence[top].astype(np.float32),
        counts.astype(np.int32),
        repeat_rates(counted, vocab_size).astype(np.float32),
    )


def event_weights(batch: ModelInput) -> Floats:
    """(N,) what the rules of each event count for: a basket's events share its weight, 1 for the last of a history.

    A large basket says no more about the next one than a small one does.
    """
    basket = basket_ids(batch.times, batch.offsets)
    lags = basket_lags(batch)
    weights = (
        np.where(lags == 0, 1.0, PREVIOUS_BASKET_WEIGHT * BASKET_DECAY ** (lags - 1.0)) / np.bincount(basket)[basket]
    )
    return np.where((weights >= MIN_EVENT_WEIGHT) | (lags == 0), weights, 0.0)


def repeat_rates(histories: Histories, vocab_size: int) -> Floats:
    """(RETURNS,) over all (shopper, item, basket): how often the item is in the basket 1, 2, … baskets on again,
    where the shopper has so many. size: V + 1.
    """
    basket = basket_ids(histories.times, histories.offsets)
    owners = np.repeat(np.arange(len(histories)), np.diff(histories.offsets))
    key = owners * vocab_size + histories.items
    order = np.argsort(key, kind="stable")
    key, key_baskets = key[order], basket[order]
    is_first = np.append(True, (np.diff(key) != 0) | (np.diff(key_baskets) != 0))[
        : len(key)
    ]  # of a basket's events of an item
    key, key_baskets = key[is_first], key_baskets[is_first]
    repeats = np.zeros(MAX_REPEAT_LAG + 1)
    for shift in range(1, MAX_REPEAT_LAG + 1):
        gaps = np.where(key[shift:] == key[:-shift], key_baskets[shift:] - key_baskets[:-shift], 0)
        repeats += np.bincount(gaps[gaps <= MAX_REPEAT_LAG], minlength=MAX_REPEAT_LAG + 1)
    last_baskets = (
        basket[histories.offsets[1:] - 1] if len(basket) else basket
    )  # (S,) last baskets; unread where there is none
    remaining = np.bincount(
        np.minimum(last_baskets[key // vocab_size] - key_baskets, MAX_REPEAT_LAG), minlength=MAX_REPEAT_LAG + 1
    )
    opportunities = np.cumsum(remaining[::-1])[::-1]  # with at least 0, 1, 2, … baskets to come
    return repeats[1:] / np.maximum(opportunities[1:], 1)


def _step_weights() -> Floats:
    """(STEPS + 1, 1) by the baskets between; one basket says nothing about what comes after what."""
    return np.concatenate([[0.0], STEP_DECAY ** np.arange(MAX_STEPS)])[:, None]
