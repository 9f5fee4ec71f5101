"""What is asked when a model is judged: at this moment of this shopper, which items come next?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from freshet.data.history import HISTORY_WINDOW, Histories, Ints, ModelInput, basket_ids, is_target, model_input


@dataclass(frozen=True)
class EvalCases:
    """C questions over packed histories: knowing the shopper's rows before `ends[c]`, which are the targets of `c`?"""

    histories: Histories
    shopper_index: Ints  # (C,) shopper
    target_starts: Ints  # (C,) row at which the asked basket begins
    target_offsets: Ints  # (C + 1,)
    targets: Ints  # (M,) different items of the basket; 0 = not in the vocabulary, which counts as a miss

    def __len__(self) -> int:
        return len(self.target_starts)

    def take(self, indices: NDArray[np.int64] | slice) -> "EvalCases":
        """Some of the cases, in the order given."""
        case_indices = np.arange(len(self))[indices]
        sizes = np.diff(self.target_offsets)[case_indices]
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        rows = np.arange(offsets[-1]) - np.repeat(offsets[:-1] - self.target_offsets[case_indices], sizes)
        return EvalCases(
            self.histories,
            self.shopper_index[case_indices],
            self.target_starts[case_indices],
            offsets,
            self.targets[rows],
        )

    def input_histories(self, window: int) -> Histories:
        """The last `window` rows before each case, as histories of their own: one per case."""
        starts = np.maximum(self.histories.offsets[self.shopper_index], self.target_starts - window)
        sizes = self.target_starts - starts
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        rows = np.arange(offsets[-1]) - np.repeat(offsets[:-1] - starts, sizes)
        h = self.histories
        return Histories(
            h.shoppers[self.shopper_index], offsets, h.items[rows], h.types[rows], h.times[rows], h.days[rows]
        )

    def model_inputs(self, max_history: int) -> ModelInput:
        """The model's input for every case: of the last WINDOW rows, as a gateway has them. Unknown items fall out."""
        return model_input(self.input_histories(HISTORY_WINDOW), max_history)


def next_basket_cases(histories: Histories, after: int, until: int) -> EvalCases:
    """Every basket that begins with an event landed on the days (after, until], asked for just before it.

    A shopper without any event before the basket is no case: nothing is known of them. Items are asked for
    once each, returns not at all.
    """
    return _build_cases(histories, _basket_starts(histories, after, until))


def last_basket_cases(histories: Histories, train_until: int, fraction: float, seed: int) -> EvalCases:
    """The last basket landed by day `cut` of a share of the shoppers who have at least two: for early stopping."""
    starts = _basket_starts(histories, -1, train_until)
    owners = _shopper_index(histories)[starts]
    is_last = np.ones(len(starts), dtype=bool)
    is_last[:-1] = owners[1:] != owners[:-1]
    has_earlier = starts > histories.offsets[owners]
    starts = starts[is_last & has_earlier]
    sampled = np.random.default_rng(seed).random(len(starts)) < fraction
    return _build_cases(histories, starts[sampled])


def _shopper_index(histories: Histories) -> Ints:
    return np.repeat(np.arange(len(histories)), np.diff(histories.offsets))


def _basket_starts(histories: Histories, after: int, until: int) -> Ints:
    """Rows at which a basket begins that landed on the days (after, until]."""
    basket = basket_ids(histories.times, histories.offsets)
    is_start = np.ones(len(basket), dtype=bool)
    is_start[1:] = basket[1:] != basket[:-1]
    return np.flatnonzero(is_start & (histories.days > after) & (histories.days <= until))


def _build_cases(histories: Histories, starts: Ints) -> EvalCases:
    """Cases for the baskets beginning at `starts`, those with something before and something to ask for."""
    owners = _shopper_index(histories)
    starts = starts[starts > histories.offsets[owners[starts]]] if len(starts) else starts
    basket = basket_ids(histories.times, histories.offsets)
    case_of_basket = np.full(int(basket.max(initial=-1)) + 1, -1, dtype=np.int64)
    case_of_basket[basket[starts]] = np.arange(len(starts))
    rows = np.flatnonzero((case_of_basket[basket] >= 0) & is_target(histories.types)) if len(basket) else basket
    pairs = np.unique(np.stack([case_of_basket[basket[rows]], histories.items[rows]]), axis=1)
    sizes = np.bincount(pairs[0], minlength=len(starts))
    has_targets = sizes > 0
    offsets = np.concatenate([[0], np.cumsum(sizes[has_targets])])
    return EvalCases(histories, owners[starts][has_targets], starts[has_targets], offsets, pairs[1])
