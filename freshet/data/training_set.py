"""The training set: histories, vocabulary and the day that separates training from evaluation."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from freshet.data.history import Histories, Ints
from freshet.data.vocabulary import Vocabulary


@dataclass(frozen=True)
class TrainingSet:
    """Everything that landed up to day `as_of`: events up to `train_until` for training, later baskets for evaluation.

    Days are numbers since 1970-01-01.
    """

    histories: Histories  # every event up to `as_of`; items are indices of `vocabulary`
    vocabulary: Vocabulary
    popularity: NDArray[np.float64]  # (V + 1,) views, carts and purchases in the 7 days up to `train_until`
    audience: NDArray[np.float64]  # (V + 1,) share of shopper-days up to `train_until` with the item
    first_days: Ints  # (S,) landing day of the shopper's first event
    event_counts: Ints  # (S,) events up to `train_until`
    purchase_counts: Ints  # (S,) purchases up to `train_until`
    train_until: int
    as_of: int
