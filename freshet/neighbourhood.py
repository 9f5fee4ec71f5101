"""What goes with what a shopper had, beside what the model generalises from it.

score(j) = model(j) + trust · log(1 + nearness(j) / SCALE)
nearness(j) = Σ over the history's events e of recency ** (baskets since e) · similarity(e, j)

A vector of a hundred numbers cannot hold every pair of items that were met together; a table can. How far the table is
trusted is measured on held-out baskets after the training, so where it says nothing new its trust is 0.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freshet.covisitation import covisitation
from freshet.history import Histories, Ints, ModelInput, baskets_ago

Floats = NDArray[np.float64]

SCALE: Final = 0.003  # nearness below it hardly counts: about one meeting of two items that were met often
FAINT: Final = 0.01  # events that weigh less are left out: what is left are the last few baskets


@dataclass(frozen=True)
class Blend:
    """How the table is mixed in."""

    trust: float = 0.0
    recency: float = 1.0  # a basket's weight against the one after it


NO_BLEND: Final = Blend()


@dataclass(frozen=True)
class Neighbours:
    """For every item the nearest K, nearest first."""

    items: NDArray[np.int32]  # (V + 1, K) 0 = none
    similarities: NDArray[np.float32]  # (V + 1, K) 0 where there is none

    @classmethod
    def of(cls, histories: Histories, items: int) -> "Neighbours":
        """Counted over all of `histories`, for a vocabulary of `items`."""
        return cls(*covisitation(histories, int(histories.days.max(initial=0)), items + 1))


def add_near(scores: NDArray[np.float32], batch: ModelInput, neighbours: Neighbours, blend: Blend) -> None:
    """Adds to the scores (B, V + 1) of B histories, in place, what their neighbours are worth."""
    if blend.trust:
        cells, values = near(batch, neighbours, blend.recency, scores.shape[1])
        scores.reshape(-1)[cells] += (blend.trust * values).astype(np.float32)


def near(batch: ModelInput, neighbours: Neighbours, recency: float, columns: int) -> tuple[Ints, Floats]:
    """(cells, values), both (n,): log(1 + nearness / SCALE) of every item that is near at all.

    A cell is a place in flat scores (B, columns); each stands here once, in rising order.
    """
    weights = recency ** baskets_ago(batch)  # (N,)
    owners = np.repeat(np.arange(len(batch.offsets) - 1), np.diff(batch.offsets))
    heard = (weights >= FAINT) & (batch.items < len(neighbours.items))  # later items have met nobody yet
    items = batch.items[heard]
    cells = owners[heard, None] * columns + neighbours.items[items]  # (n, K)
    values = weights[heard, None] * neighbours.similarities[items]
    places, of = np.unique(cells[values > 0], return_inverse=True)
    return places, np.log1p(np.bincount(of, values[values > 0], minlength=len(places)) / SCALE)
