"""What a model is made from and judged on: histories, vocabulary and the cut between the two, as of one day."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from freshet.data.history import Histories, Ints
from freshet.data.vocabulary import Vocabulary


@dataclass(frozen=True)
class TrainingSet:
    """Everything landed by day `as_of`. Events landed by day `cut` train; baskets that begin after it judge.

    Days are numbered since 1970-01-01.
    """

    histories: Histories  # every event landed by `as_of`; items are indexes of `vocabulary`
    vocabulary: Vocabulary
    popularity: NDArray[np.float64]  # (V + 1,) views, carts and purchases in the 7 days up to `cut`
    reach: NDArray[np.float64]  # (V + 1,) share of shopper-days up to `cut` on which the item was met
    first_days: Ints  # (S,) landing day of the shopper's first event
    event_counts: Ints  # (S,) events up to `cut`
    purchase_counts: Ints  # (S,) purchases up to `cut`
    train_until: int
    as_of: int
