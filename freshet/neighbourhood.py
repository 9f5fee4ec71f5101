"""What the counted tables add to a model's scores: what goes with what a shopper had, and what comes after it.

score(j) = model(j) + trust · log(1 + nearness(j) / SCALE) + rules · log(1 + rule score(j) / RULE_SCALE)
nearness(j) = Σ over the history's events e of recency ** (baskets since e) · similarity(e, j)
rule score(j): what the baseline sequential rules answers (`freshet.sequential_rules`)

A vector of a hundred numbers cannot hold every pair of items that were met together; a table can. How far each table is
trusted is measured on held-out baskets after the training, so where it says nothing new its trust is 0.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freshet.covisitation import covisitation
from freshet.history import Histories, Ints, ModelInput, baskets_ago
from freshet.sequential_rules import Rules

Floats = NDArray[np.float64]
Cells = tuple[Ints, Floats]  # places in flat scores (B, V + 1), each once and rising, and what is added there

SCALE: Final = 0.003  # nearness below it hardly counts: about one meeting of two items that were met often
RULE_SCALE: Final = 0.003  # a confidence below it hardly counts
FAINT: Final = 0.01  # events that weigh less are left out: what is left are the last few baskets


@dataclass(frozen=True)
class Blend:
    """How the tables are mixed in."""

    trust: float = 0.0  # in what goes with what
    recency: float = 1.0  # a basket's weight there against the one after it
    rules: float = 0.0  # trust in what comes after what


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


@dataclass(frozen=True)
class Tables:
    """What is counted beside a model."""

    near: Neighbours
    rules: Rules

    @classmethod
    def of(cls, histories: Histories, items: int) -> "Tables":
        """Counted over all of `histories`, for a vocabulary of `items`."""
        return cls(Neighbours.of(histories, items), Rules.of(histories, items))


def add_tables(scores: NDArray[np.float32], batch: ModelInput, tables: Tables, blend: Blend) -> None:
    """Adds to the scores (B, V + 1) of B histories, in place, what the tables are worth."""
    for cells, values in blended(batch, tables, blend, scores.shape[1]):
        scores.reshape(-1)[cells] += values.astype(np.float32)


def blended(batch: ModelInput, tables: Tables, blend: Blend, columns: int) -> list[Cells]:
    """What each table that is trusted adds to the scores (B, columns) of B histories."""
    parts = []
    if blend.trust:
        cells, values = near(batch, tables.near, blend.recency, columns)
        parts.append((cells, blend.trust * values))
    if blend.rules:
        cells, values = follow(batch, tables.rules, columns)
        parts.append((cells, blend.rules * values))
    return parts


def near(batch: ModelInput, neighbours: Neighbours, recency: float, columns: int) -> Cells:
    """log(1 + nearness / SCALE) of every item that is near at all, not yet times the trust."""
    weights = recency ** baskets_ago(batch)  # (N,)
    owners = np.repeat(np.arange(len(batch.offsets) - 1), np.diff(batch.offsets))
    heard = (weights >= FAINT) & (batch.items < len(neighbours.items))  # later items have met nobody yet
    items = batch.items[heard]
    cells = owners[heard, None] * columns + neighbours.items[items]  # (n, K)
    values = weights[heard, None] * neighbours.similarities[items]
    return _summed(cells.ravel(), values.ravel().astype(np.float64), SCALE)


def follow(batch: ModelInput, rules: Rules, columns: int) -> Cells:
    """log(1 + rule score / RULE_SCALE) of every item of which the rules say something, not yet times the trust."""
    return _summed(*rules.scores(batch, columns), RULE_SCALE)


def _summed(cells: Ints, values: Floats, scale: float) -> Cells:
    """log(1 + sum of a cell's values / scale), of those above 0."""
    places, of = np.unique(cells[values > 0], return_inverse=True)
    return places, np.log1p(np.bincount(of, values[values > 0], minlength=len(places)) / scale)
