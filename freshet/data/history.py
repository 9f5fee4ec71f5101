"""Histories and the model input that is built from them, in the same way for training, evaluation and serving."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from freshet.data.columns import RETURN_TYPE_CODE

Ints = NDArray[np.int64]

HISTORY_WINDOW = 400  # latest events that a model input is built from: as many as a gateway keeps per shopper
N_GAP_BUCKETS = 32  # enough for log2 of seconds: 2**31 s is 68 years


@dataclass(frozen=True)
class Histories:
    """Events of many shoppers, packed end to end: shopper `s` owns the rows `offsets[s]:offsets[s + 1]`.

    Within a shopper the rows are in canonical order: by event time, then in the order of the source.
    """

    shoppers: NDArray[np.str_]  # (S,) pseudonyms
    offsets: Ints  # (S + 1,)
    items: Ints  # (N,) vocabulary index; 0 = not in the vocabulary
    types: Ints  # (N,) codes of columns.EVENT_TYPES, from 1
    times: Ints  # (N,) seconds since 1970, UTC
    days: Ints  # (N,) landing date, days since 1970

    def __len__(self) -> int:
        return len(self.offsets) - 1


@dataclass(frozen=True)
class ModelInput:
    """The input of the shopper encoder, packed like `Histories`: known items only, no padding."""

    offsets: Ints  # (S + 1,)
    items: Ints  # (N,) vocabulary index, from 1
    types: Ints  # (N,) event type code, from 1
    gaps: Ints  # (N,) gap_bucket of the time since the previous event; 0 for a shopper's first
    times: Ints = field(repr=False)  # (N,) seconds since 1970, to find baskets; not fed to the model

    def pad(self) -> tuple[Ints, Ints, Ints]:
        """Return (items, types, gaps), each (S, T), right-padded with PAD = 0; T is the longest history, at least 1."""
        lengths = np.diff(self.offsets)
        max_length = max(1, int(lengths.max(initial=0)))
        rows = np.repeat(np.arange(len(lengths)), lengths)
        columns = np.arange(len(self.items)) - np.repeat(self.offsets[:-1], lengths)
        arrays = []
        for values in (self.items, self.types, self.gaps):
            padded = np.zeros((len(lengths), max_length), dtype=np.int64)
            padded[rows, columns] = values
            arrays.append(padded)
        return arrays[0], arrays[1], arrays[2]


def gap_bucket(seconds: Ints) -> Ints:
    """Return 1 + floor(log2(1 + seconds)), at most N_GAP_BUCKETS - 1: 0 s → 1, 1 s → 2, 3 s → 3, one day → 17."""
    # frexp is exact where floor(log2(x)) can be off by one: x = m · 2^e with m in [0.5, 1), so floor(log2(x)) = e - 1.
    _, exponent = np.frexp(1.0 + np.maximum(seconds, 0))
    return np.minimum(exponent.astype(np.int64), N_GAP_BUCKETS - 1)


def select_events(histories: Histories, mask: NDArray[np.bool_]) -> Histories:
    """Return the same shoppers with only the rows where `mask` (N,) is true; a shopper may have none left."""
    counts = np.concatenate([[0], np.cumsum(mask, dtype=np.int64)])
    return Histories(
        shoppers=histories.shoppers,
        offsets=counts[histories.offsets],
        items=histories.items[mask],
        types=histories.types[mask],
        times=histories.times[mask],
        days=histories.days[mask],
    )


def model_input(histories: Histories, max_history: int) -> ModelInput:
    """Return the last `max_history` events with known items of every shopper.

    Events with unknown items are removed before the gaps are computed, so the input does not depend on them.
    """
    in_vocabulary = select_events(histories, histories.items > 0)
    shopper_index = np.repeat(np.arange(len(in_vocabulary)), np.diff(in_vocabulary.offsets))
    from_end = in_vocabulary.offsets[shopper_index + 1] - np.arange(len(in_vocabulary.items))
    recent = select_events(in_vocabulary, from_end <= max_history)
    gaps = np.zeros(len(recent.items), dtype=np.int64)
    gaps[1:] = gap_bucket(np.diff(recent.times))
    starts = recent.offsets[:-1]
    gaps[starts[starts < len(gaps)]] = 0
    return ModelInput(offsets=recent.offsets, items=recent.items, types=recent.types, gaps=gaps, times=recent.times)


def basket_ids(times: Ints, offsets: Ints) -> Ints:
    """Return (N,) ascending basket numbers: events of a shopper in the same second are one basket.

    In a click log each event is a basket, so "the next basket" is the next event.
    """
    if len(times) == 0:
        return np.zeros(0, dtype=np.int64)
    is_start = np.zeros(len(times), dtype=bool)
    is_start[1:] = times[1:] != times[:-1]
    starts = offsets[:-1]
    is_start[starts[starts < len(times)]] = True
    return np.cumsum(is_start, dtype=np.int64) - 1


def basket_lags(batch: ModelInput) -> Ints:
    """Return (N,) the number of baskets from each event to the last basket of its history; 0 in the last."""
    basket = basket_ids(batch.times, batch.offsets)
    sizes = np.diff(batch.offsets)
    last_basket = basket[batch.offsets[1:][sizes > 0] - 1]
    lags: Ints = np.repeat(last_basket, sizes[sizes > 0]) - basket
    return lags


def is_target(types: Ints) -> NDArray[np.bool_]:
    """Return (N,) whether an event may be a target: every type except returns."""
    return np.not_equal(types, RETURN_TYPE_CODE)
