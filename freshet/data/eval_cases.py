"""Evaluation cases for next-basket prediction: a shopper's history up to a moment, and the items of the next basket."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from freshet.data.history import HISTORY_WINDOW, Histories, Ints, ModelInput, basket_ids, is_target, model_input


@dataclass(frozen=True)
class EvalCases:
    """C cases over packed histories: the input is the shopper's rows before `target_starts[c]`."""

    histories: Histories
    shopper_index: Ints  # (C,) index of the shopper in `histories`
    target_starts: Ints  # (C,) first row of the target basket
    target_offsets: Ints  # (C + 1,)
    targets: Ints  # (M,) distinct items of the basket; 0 = not in the vocabulary, a miss

    def __len__(self) -> int:
        return len(self.target_starts)

    def take(self, indices: NDArray[np.int64] | slice) -> "EvalCases":
        """Return the cases with these indices, in their order."""
        case_indices = np.arange(len(self))[indices]
        sizes = np.diff(self.target_offsets)[case_indices]
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        rows = np.arange(offsets[-1]) - np.repeat(offsets[:-1] - self.target_offsets[case_indices], sizes)
        return EvalCases(
            self.histories,
            shopper_index=self.shopper_index[case_indices],
            target_starts=self.target_starts[case_indices],
            target_offsets=offsets,
            targets=self.targets[rows],
        )

    def input_histories(self, window: int) -> Histories:
        """Return one history per case: the last `window` rows before its target basket."""
        starts = np.maximum(self.histories.offsets[self.shopper_index], self.target_starts - window)
        sizes = self.target_starts - starts
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        rows = np.arange(offsets[-1]) - np.repeat(offsets[:-1] - starts, sizes)
        h = self.histories
        return Histories(
            shoppers=h.shoppers[self.shopper_index],
            offsets=offsets,
            items=h.items[rows],
            types=h.types[rows],
            times=h.times[rows],
            days=h.days[rows],
        )

    def model_inputs(self, max_history: int) -> ModelInput:
        """Return the model's input for every case, from the last HISTORY_WINDOW rows as in a gateway."""
        return model_input(self.input_histories(HISTORY_WINDOW), max_history)


def next_basket_cases(histories: Histories, after: int, until: int) -> EvalCases:
    """Return a case for every basket whose first event landed on the days (after, until].

    Baskets without an earlier event of the shopper are left out. Each item is a target once; returns are no targets.
    """
    return _build_cases(histories, _basket_starts(histories, after, until))


def last_basket_cases(histories: Histories, train_until: int, fraction: float, seed: int) -> EvalCases:
    """Return the last basket up to day `train_until` of a share of the shoppers with two or more: validation cases."""
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
    """Return the first rows of baskets that landed on the days (after, until]."""
    basket = basket_ids(histories.times, histories.offsets)
    is_start = np.ones(len(basket), dtype=bool)
    is_start[1:] = basket[1:] != basket[:-1]
    return np.flatnonzero(is_start & (histories.days > after) & (histories.days <= until))


def _build_cases(histories: Histories, starts: Ints) -> EvalCases:
    """Return cases for the baskets that begin at `starts`, without those that have no input or no target."""
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
    return EvalCases(
        histories,
        shopper_index=owners[starts][has_targets],
        target_starts=starts[has_targets],
        target_offsets=offsets,
        targets=pairs[1],
    )
