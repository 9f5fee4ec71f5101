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

from freshet.columns import EVENT_TYPES
from freshet.history import Histories, Ints, ModelInput, baskets, baskets_ago, is_target, select
from freshet.meetings import Floats, count, meetings, strongest

# Chosen once, on weeks before the judged ones, for orders and clicks together: docs/evaluation.md.
STEPS: Final = 3  # baskets on
STEP_DECAY: Final = 0.2  # a basket's weight against the one before it
BACK_OFF: Final = 1.0  # events of a type that weigh as much as all types together
MOST: Final = 50  # rules kept of an item and a type
FORMER: Final = 0.04  # weight of a history's last basket but one, against its last
FADE: Final = 0.9  # of every basket before that, against the one after it
FAINT: Final = 0.01  # events that weigh less are left out: the last few baskets remain
RETURN: Final = 0.6  # weight of a return rate against a confidence
RETURNS: Final = 20  # baskets after which a return rate is measured; later ones have the last

TYPES: Final = len(EVENT_TYPES)


@dataclass(frozen=True)
class Rules:
    """Rules in rows: row item · TYPES + type - 1 owns `offsets[row]:offsets[row + 1]`, most confident first."""

    offsets: Ints  # ((V + 1) · TYPES + 1,)
    items: NDArray[np.int32]  # (R,) what comes after
    confidences: NDArray[np.float32]  # (R,)
    counts: NDArray[np.int32]  # ((V + 1) · TYPES,) events with the row's item and type
    returns: NDArray[np.float32]  # (RETURNS,) return rate 1, 2, … baskets on

    def __len__(self) -> int:
        """V + 1."""
        return len(self.counts) // TYPES

    @classmethod
    def of(cls, histories: Histories, items: int) -> "Rules":
        """Counted over all of `histories`, for a vocabulary of `items`."""
        return sequential_rules(histories, int(histories.days.max(initial=0)), items + 1)

    @classmethod
    def none(cls, size: int = 0) -> "Rules":
        """No rule about any of `size` items (V + 1)."""
        nothing = np.zeros(size * TYPES + 1, dtype=np.int64)
        none = np.zeros(0, np.float32)
        return cls(
            nothing, none.astype(np.int32), none, np.zeros(size * TYPES, np.int32), np.zeros(RETURNS, np.float32)
        )

    def most(self, most: int) -> "Rules":
        """The same with at most so many rules of an item and a type, the most confident."""
        sizes = np.diff(self.offsets)
        kept = np.arange(len(self.items)) - np.repeat(self.offsets[:-1], sizes) < most
        offsets = np.concatenate([[0], np.cumsum(np.minimum(sizes, most))])
        return replace(self, offsets=offsets, items=self.items[kept], confidences=self.confidences[kept])

    def scores(self, batch: ModelInput, columns: int) -> tuple[Ints, Floats]:
        """(cells, values), both (n,): what adds up to the scores of B histories. A cell is a place in flat scores
        (B, columns) and may stand here several times.
        """
        row = np.repeat(np.arange(len(batch.offsets) - 1), np.diff(batch.offsets)) * columns  # (N,)
        events, following, values = self.after(batch.items, batch.types, event_weights(batch))
        again = RETURN * self.returns[np.minimum(baskets_ago(batch), RETURNS - 1)]  # (N,)
        cells: Ints = np.concatenate([row[events] + following, row + batch.items])
        return cells, np.concatenate([values, again.astype(np.float64)])

    def after(self, items: Ints, types: Ints, weights: Floats) -> tuple[Ints, Ints, Floats]:
        """(events, following, values), each (n,): what comes after N events, the confidences times `weights` (N,).

        An item may stand in it several times, once for each type of the event's item. Items without rules give nothing.
        """
        known = np.flatnonzero((items < len(self)) & (weights > 0))
        rows, shares = self._rows(items[known], types[known])  # (n, TYPES) each
        asked = np.flatnonzero(shares.ravel() > 0)
        row = rows.ravel()[asked]
        sizes = self.offsets[row + 1] - self.offsets[row]
        before = np.cumsum(sizes) - sizes
        rules = np.arange(sizes.sum()) + np.repeat(self.offsets[row] - before, sizes)
        events = known[asked // TYPES]
        values = np.repeat(shares.ravel()[asked] * weights[events], sizes) * self.confidences[rules]
        return np.repeat(events, sizes), self.items[rules].astype(np.int64), values

    def _rows(self, items: Ints, types: Ints) -> tuple[Ints, Floats]:
        """(n, TYPES) the rows of each event's item, and how much each of them says about the event."""
        rows = items[:, None] * TYPES + np.arange(TYPES)
        events = self.counts[rows].astype(np.float64)
        every = np.maximum(events.sum(axis=1, keepdims=True), 1.0)
        own = np.arange(TYPES) == types[:, None] - 1
        trust = (events * own).sum(axis=1, keepdims=True)
        trust /= trust + BACK_OFF
        return rows, (1 - trust) * events / every + trust * own


def sequential_rules(histories: Histories, cut: int, size: int) -> Rules:
    """Counted over the events landed by day `cut`; returns neither precede nor follow anything. size: V + 1."""
    known = (histories.days <= cut) & (histories.items > 0) & is_target(histories.types)
    seen = select(histories, known)
    row = seen.items * TYPES + seen.types - 1  # (N,)
    pairs = meetings(seen, row, size, STEPS, together=False)
    codes, weights = count(pairs, _step_weights(), size * TYPES * size)
    counts = np.bincount(row, minlength=size * TYPES)
    other = codes // size // TYPES != codes % size
    first, second = codes[other] // size, codes[other] % size
    confidence = weights[other, 0] / counts[first]
    chosen, _ = strongest(first, confidence, MOST)
    offsets = np.searchsorted(first[chosen], np.arange(size * TYPES + 1))
    return Rules(
        offsets,
        second[chosen].astype(np.int32),
        confidence[chosen].astype(np.float32),
        counts.astype(np.int32),
        return_rates(seen, size).astype(np.float32),
    )


def event_weights(batch: ModelInput) -> Floats:
    """(N,) what the rules of each event count for: a basket's events share its weight, 1 for the last of a history.

    A large basket says no more about the next one than a small one does.
    """
    number = baskets(batch.times, batch.offsets)
    ago = baskets_ago(batch)
    weights = np.where(ago == 0, 1.0, FORMER * FADE ** (ago - 1.0)) / np.bincount(number)[number]
    return np.where((weights >= FAINT) | (ago == 0), weights, 0.0)


def return_rates(histories: Histories, size: int) -> Floats:
    """(RETURNS,) over all (shopper, item, basket): how often the item is in the basket 1, 2, … baskets on again,
    where the shopper has so many. size: V + 1.
    """
    number = baskets(histories.times, histories.offsets)
    owners = np.repeat(np.arange(len(histories)), np.diff(histories.offsets))
    key = owners * size + histories.items
    order = np.argsort(key, kind="stable")
    key, at = key[order], number[order]
    once = np.append(True, (np.diff(key) != 0) | (np.diff(at) != 0))[: len(key)]  # of a basket's events of an item
    key, at = key[once], at[once]
    met = np.zeros(RETURNS + 1)
    for later in range(1, RETURNS + 1):
        apart = np.where(key[later:] == key[:-later], at[later:] - at[:-later], 0)
        met += np.bincount(apart[apart <= RETURNS], minlength=RETURNS + 1)
    ends = number[histories.offsets[1:] - 1] if len(number) else number  # (S,) last baskets; unread where there is none
    left = np.bincount(np.minimum(ends[key // size] - at, RETURNS), minlength=RETURNS + 1)
    chances = np.cumsum(left[::-1])[::-1]  # with at least 0, 1, 2, … baskets to come
    return met[1:] / np.maximum(chances[1:], 1)


def _step_weights() -> Floats:
    """(STEPS + 1, 1) by the baskets between; one basket says nothing about what comes after what."""
    return np.concatenate([[0.0], STEP_DECAY ** np.arange(STEPS)])[:, None]
