"""What the counted tables add to a model's scores: what goes with what a shopper had, and what comes after it.

score(j) = model(j) + trust · log(1 + nearness(j) / SCALE) + rules · log(1 + rule score(j) / RULE_SCALE)
nearness(j) = Σ over the history's events e of recency ** (baskets since e) · similarity(e, j)
rule score(j): what the baseline sequential rules answers (`freshet.data.sequential_rules`)

A vector of a hundred numbers cannot hold every pair of items that were met together; a table can. How far each table is
trusted is measured on held-out baskets after the training, so where it says nothing new its trust is 0.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freshet.data.history import Histories, Ints, ModelInput, basket_lags
from freshet.data.item_knn import compute_item_knn
from freshet.data.sequential_rules import RuleTable

Floats = NDArray[np.float64]
SparseScores = tuple[Ints, Floats]  # places in flat scores (B, V + 1), each once and rising, and what is added there

KNN_SCALE: Final = 0.003  # nearness below it hardly counts: about one meeting of two items that were met often
RULE_SCALE: Final = 0.003  # a confidence below it hardly counts
MIN_EVENT_WEIGHT: Final = 0.01  # events that weigh less are left out: what is left are the last few baskets


@dataclass(frozen=True)
class KnnBlend:
    """How the tables are mixed in."""

    knn_weight: float = 0.0  # in what goes with what
    recency_decay: float = 1.0  # a basket's weight there against the one after it
    rule_weight: float = 0.0  # trust in what comes after what


NO_BLEND: Final = KnnBlend()


@dataclass(frozen=True)
class ItemNeighbours:
    """For every item the nearest K, nearest first."""

    items: NDArray[np.int32]  # (V + 1, K) 0 = none
    similarities: NDArray[np.float32]  # (V + 1, K) 0 where there is none

    @classmethod
    def fit(cls, histories: Histories, n_items: int) -> "ItemNeighbours":
        """Counted over all of `histories`, for a vocabulary of `items`."""
        return cls(*compute_item_knn(histories, int(histories.days.max(initial=0)), n_items + 1))


@dataclass(frozen=True)
class BlendTables:
    """What is counted beside a model."""

    neighbours: ItemNeighbours
    rules: RuleTable

    @classmethod
    def fit(cls, histories: Histories, n_items: int) -> "BlendTables":
        """Counted over all of `histories`, for a vocabulary of `items`."""
        return cls(ItemNeighbours.fit(histories, n_items), RuleTable.fit(histories, n_items))


def add_blend(scores: NDArray[np.float32], batch: ModelInput, tables: BlendTables, blend: KnnBlend) -> None:
    """Adds to the scores (B, V + 1) of B histories, in place, what the tables are worth."""
    for cells, values in blend_terms(batch, tables, blend, scores.shape[1]):
        scores.reshape(-1)[cells] += values.astype(np.float32)


def blend_terms(batch: ModelInput, tables: BlendTables, blend: KnnBlend, n_columns: int) -> list[SparseScores]:
    """What each table that is trusted adds to the scores (B, columns) of B histories."""
    terms = []
    if blend.knn_weight:
        cells, values = score_neighbours(batch, tables.neighbours, blend.recency_decay, n_columns)
        terms.append((cells, blend.knn_weight * values))
    if blend.rule_weight:
        cells, values = score_rules(batch, tables.rules, n_columns)
        terms.append((cells, blend.rule_weight * values))
    return terms


def score_neighbours(
    batch: ModelInput, neighbours: ItemNeighbours, recency_decay: float, n_columns: int
) -> SparseScores:
    """log(1 + nearness / SCALE) of every item that is near at all, not yet times the trust."""
    weights = recency_decay ** basket_lags(batch)  # (N,)
    owners = np.repeat(np.arange(len(batch.offsets) - 1), np.diff(batch.offsets))
    is_used = (weights >= MIN_EVENT_WEIGHT) & (batch.items < len(neighbours.items))  # later items have met nobody yet
    items = batch.items[is_used]
    cells = owners[is_used, None] * n_columns + neighbours.items[items]  # (n, K)
    values = weights[is_used, None] * neighbours.similarities[items]
    return _log_scores(cells.ravel(), values.ravel().astype(np.float64), KNN_SCALE)


def score_rules(batch: ModelInput, rules: RuleTable, n_columns: int) -> SparseScores:
    """log(1 + rule score / RULE_SCALE) of every item of which the rules say something, not yet times the trust."""
    return _log_scores(*rules.score(batch, n_columns), RULE_SCALE)


def _log_scores(cells: Ints, values: Floats, scale: float) -> SparseScores:
    """log(1 + sum of a cell's values / scale), of those above 0."""
    positions, inverse = np.unique(cells[values > 0], return_inverse=True)
    return positions, np.log1p(np.bincount(inverse, values[values > 0], minlength=len(positions)) / scale)
