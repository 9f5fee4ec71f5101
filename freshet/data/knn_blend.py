"""The blend: item-kNN and sequential rules are added to the model's scores.

score(j) = model(j) + knn_weight · log(1 + knn(j) / KNN_SCALE) + rule_weight · log(1 + rules(j) / RULE_SCALE)
knn(j) = Σ over the history's events e of recency_decay ** (baskets since e) · similarity(e, j)
rules(j) = score of the sequential rules (`freshet.data.sequential_rules`)

An embedding of a hundred numbers cannot hold every pair of items that occur together; a table can. The weights are
tuned on validation cases after the training, and are 0 if a table does not help.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pydantic.dataclasses
from numpy.typing import NDArray
from pydantic import model_validator
from pydantic_core import ArgsKwargs

from freshet.data.history import Histories, Ints, ModelInput, basket_lags
from freshet.data.item_knn import compute_item_knn
from freshet.data.sequential_rules import SequentialRules

Floats = NDArray[np.float64]
SparseScores = tuple[Ints, Floats]  # distinct ascending positions in flat scores (B, V + 1), and the values to add

KNN_SCALE: Final = 0.003  # smaller values hardly count: about one co-occurrence of two frequent items
RULE_SCALE: Final = 0.003  # smaller confidences hardly count
FORMER_BLEND_FIELDS: Final = {"trust": "knn_weight", "recency": "recency_decay", "rules": "rule_weight"}
MIN_EVENT_WEIGHT: Final = 0.01  # events with a smaller weight are left out: the last few baskets remain


@pydantic.dataclasses.dataclass(frozen=True)
class KnnBlend:
    """The weights of the blend."""

    knn_weight: float = 0.0
    recency_decay: float = 1.0  # weight of a basket relative to the one after it, in the item-kNN score
    rule_weight: float = 0.0

    @model_validator(mode="before")
    @classmethod
    def _rename_former(cls, values: ArgsKwargs | Mapping[str, Any]) -> ArgsKwargs | Mapping[str, Any]:
        """Accept the former field names, which bundles and models of earlier versions have."""
        if isinstance(values, ArgsKwargs):
            return ArgsKwargs(values.args, _rename_fields(values.kwargs or {}))
        return _rename_fields(values) if isinstance(values, Mapping) else values


def _rename_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    return {FORMER_BLEND_FIELDS.get(name, name): value for name, value in values.items()}


NO_BLEND: Final = KnnBlend()


@dataclass(frozen=True)
class ItemKnn:
    """The K most similar items of every item, most similar first."""

    items: NDArray[np.int32]  # (V + 1, K) 0 = none
    similarities: NDArray[np.float32]  # (V + 1, K) 0 = none

    @classmethod
    def fit(cls, histories: Histories, n_items: int) -> "ItemKnn":
        """Count all of `histories`, for a vocabulary of `n_items` items."""
        return cls(*compute_item_knn(histories, int(histories.days.max(initial=0)), n_items + 1))


@dataclass(frozen=True)
class BlendTables:
    """The tables that are blended into a model's scores."""

    neighbours: ItemKnn
    rules: SequentialRules

    @classmethod
    def fit(cls, histories: Histories, n_items: int) -> "BlendTables":
        """Count all of `histories`, for a vocabulary of `n_items` items."""
        return cls(ItemKnn.fit(histories, n_items), SequentialRules.fit(histories, n_items))


def add_blend(scores: NDArray[np.float32], batch: ModelInput, tables: BlendTables, blend: KnnBlend) -> None:
    """Add the blend to the scores (B, V + 1) of B histories, in place."""
    for cells, values in blend_terms(batch, tables, blend, scores.shape[1]):
        scores.reshape(-1)[cells] += values.astype(np.float32)


def blend_terms(batch: ModelInput, tables: BlendTables, blend: KnnBlend, n_columns: int) -> list[SparseScores]:
    """Return what each table with a weight adds to the scores (B, n_columns) of B histories."""
    terms = []
    if blend.knn_weight:
        cells, values = score_neighbours(batch, tables.neighbours, blend.recency_decay, n_columns)
        terms.append((cells, blend.knn_weight * values))
    if blend.rule_weight:
        cells, values = score_rules(batch, tables.rules, n_columns)
        terms.append((cells, blend.rule_weight * values))
    return terms


def score_neighbours(batch: ModelInput, neighbours: ItemKnn, recency_decay: float, n_columns: int) -> SparseScores:
    """Return log(1 + knn / KNN_SCALE) of every item with a similarity, without knn_weight."""
    weights = recency_decay ** basket_lags(batch)  # (N,)
    owners = np.repeat(np.arange(len(batch.offsets) - 1), np.diff(batch.offsets))
    is_used = (weights >= MIN_EVENT_WEIGHT) & (batch.items < len(neighbours.items))  # new items have no neighbours
    items = batch.items[is_used]
    cells = owners[is_used, None] * n_columns + neighbours.items[items]  # (n, K)
    values = weights[is_used, None] * neighbours.similarities[items]
    return _log_scores(cells.ravel(), values.ravel().astype(np.float64), KNN_SCALE)


def score_rules(batch: ModelInput, rules: SequentialRules, n_columns: int) -> SparseScores:
    """Return log(1 + rules / RULE_SCALE) of every item with a rule, without rule_weight."""
    return _log_scores(*rules.score(batch, n_columns), RULE_SCALE)


def _log_scores(cells: Ints, values: Floats, scale: float) -> SparseScores:
    """Return log(1 + sum of a cell's values / scale) for cells with a positive sum."""
    positions, inverse = np.unique(cells[values > 0], return_inverse=True)
    return positions, np.log1p(np.bincount(inverse, values[values > 0], minlength=len(positions)) / scale)
