"""What is asked when a model is judged: at this moment of this shopper, which items come next?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from freshet.history import WINDOW, Histories, Ints, ModelInput, baskets, is_target, model_input


@dataclass(frozen=True)
class Cases:
    """C questions over packed histories: knowing the shopper's rows before `ends[c]`, which are the targets of `c`?"""

    histories: Histories
    owners: Ints  # (C,) shopper
    ends: Ints  # (C,) row at which the asked basket begins
    target_offsets: Ints  # (C + 1,)
    targets: Ints  # (M,) different items of the basket; 0 = not in the vocabulary, which counts as a miss

    def __len__(self) -> int:
        return len(self.ends)

    def take(self, chosen: NDArray[np.int64] | slice) -> "Cases":
        """Some of the cases, in the order given."""
        numbers = np.arange(len(self))[chosen]
        sizes = np.diff(self.target_offsets)[numbers]
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        rows = np.arange(offsets[-1]) - np.repeat(offsets[:-1] - self.target_offsets[numbers], sizes)
        return Cases(self.histories, self.owners[numbers], self.ends[numbers], offsets, self.targets[rows])

    def known(self, window: int) -> Histories:
        """The last `window` rows before each case, as histories of their own: one per case."""
        starts = np.maximum(self.histories.offsets[self.owners], self.ends - window)
        sizes = self.ends - starts
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        rows = np.arange(offsets[-1]) - np.repeat(offsets[:-1] - starts, sizes)
        h = self.histories
        return Histories(h.shoppers[self.owners], offsets, h.items[rows], h.types[rows], h.times[rows], h.days[rows])

    def inputs(self, length: int) -> ModelInput:
        """The model's input for every case: of the last WINDOW rows, as a gateway has them. Unknown items fall out."""
        return model_input(self.known(WINDOW), length)


def next_basket_cases(histories: Histories, after: int, until: int) -> Cases:
    """Every basket that begins with an event landed on the days (after, until], asked for just before it.

    A shopper without any event before the basket is no case: nothing is known of them. Items are asked for
    once each, returns not at all.
    """
    return _cases(histories, _begins_in(histories, after, until))


def last_basket_cases(histories: Histories, cut: int, share: float, seed: int) -> Cases:
    """The last basket landed by day `cut` of a share of the shoppers who have at least two: for early stopping."""
    starts = _begins_in(histories, -1, cut)
    owner = _owners(histories)[starts]
    last = np.ones(len(starts), dtype=bool)
    last[:-1] = owner[1:] != owner[:-1]
    second = starts > histories.offsets[owner]
    starts = starts[last & second]
    chosen = np.random.default_rng(seed).random(len(starts)) < share
    return _cases(histories, starts[chosen])


def _owners(histories: Histories) -> Ints:
    return np.repeat(np.arange(len(histories)), np.diff(histories.offsets))


def _begins_in(histories: Histories, after: int, until: int) -> Ints:
    """Rows at which a basket begins that landed on the days (after, until]."""
    basket = baskets(histories.times, histories.offsets)
    first = np.ones(len(basket), dtype=bool)
    first[1:] = basket[1:] != basket[:-1]
    return np.flatnonzero(first & (histories.days > after) & (histories.days <= until))


def _cases(histories: Histories, starts: Ints) -> Cases:
    """Cases for the baskets beginning at `starts`, those with something before and something to ask for."""
    owners = _owners(histories)
    starts = starts[starts > histories.offsets[owners[starts]]] if len(starts) else starts
    basket = baskets(histories.times, histories.offsets)
    number = np.full(int(basket.max(initial=-1)) + 1, -1, dtype=np.int64)
    number[basket[starts]] = np.arange(len(starts))
    rows = np.flatnonzero((number[basket] >= 0) & is_target(histories.types)) if len(basket) else basket
    pairs = np.unique(np.stack([number[basket[rows]], histories.items[rows]]), axis=1)
    sizes = np.bincount(pairs[0], minlength=len(starts))
    asked = sizes > 0
    offsets = np.concatenate([[0], np.cumsum(sizes[asked])])
    return Cases(histories, owners[starts][asked], starts[asked], offsets, pairs[1])
