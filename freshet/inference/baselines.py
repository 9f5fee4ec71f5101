"""Baselines: popular items, item-to-item kNN and sequential rules.

They are stored in the bundle: the ranker blends them in and falls back on them, and evaluations compare with them.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freshet.data.history import ModelInput, basket_lags
from freshet.data.item_knn import compute_item_knn
from freshet.data.knn_blend import BlendTables, ItemKnn
from freshet.data.sequential_rules import SequentialRules, count_rules
from freshet.data.training_set import TrainingSet
from freshet.inference.array_files import array_names, load_arrays
from freshet.inference.scoring import EXCLUDED_SCORE, Mask, Scores

# Chosen on weeks before the evaluated ones, for orders and clicks together: docs/evaluation.md.
MAX_HISTORY_EVENTS: Final = 100  # the latest events of a history
RECENCY_DECAY: Final = 0.9  # weight of a basket relative to the next one
SELF_SIMILARITY: Final = 3.0  # of an item to itself, because shoppers come back to items

BASELINE_ARRAYS: Final = ("popularity", "neighbours", "neighbour_scores")
# Missing in older bundles, from before there were rules.
RULE_ARRAYS: Final = ("rule_offsets", "rule_items", "rule_confidences", "rule_counts", "return_rates")


@dataclass(frozen=True)
class Baselines:
    """The content of `baselines.npz`."""

    popularity: NDArray[np.float64]  # (V + 1,)
    neighbours: NDArray[np.int32]  # (V + 1, K) item indexes, most similar first; 0 = none
    neighbour_scores: NDArray[np.float32]  # (V + 1, K) similarity; 0 for an empty slot
    rules: SequentialRules = field(default_factory=SequentialRules.empty)

    @property
    def blend_tables(self) -> BlendTables:
        """The tables that the ranker blends into its scores."""
        return BlendTables(ItemKnn(self.neighbours, self.neighbour_scores), self.rules)


@dataclass(frozen=True)
class PopularityScorer:
    """Popularity over the last 7 training days, the same for all shoppers."""

    baselines: Baselines
    excluded_items: Mask  # (V + 1,) padding and delisted items
    max_history: int = 1

    @property
    def n_scores(self) -> int:
        """V + 1."""
        return len(self.excluded_items)

    def score(self, batch: ModelInput) -> Scores:
        """(B, V + 1) scores, all rows equal."""
        row = np.where(self.excluded_items, EXCLUDED_SCORE, self.baselines.popularity).astype(np.float32)
        return np.tile(row, (len(batch.offsets) - 1, 1))


@dataclass(frozen=True)
class ItemKnnScorer:
    """Item-to-item kNN: neighbours of the items in the history, weighted by recency.

    score(j) = sum over the history's events e of RECENCY_DECAY ** (baskets since e) · similarity(item of e, j), where
    an item's similarity to itself is SELF_SIMILARITY. Items without a score follow by popularity.
    """

    baselines: Baselines
    excluded_items: Mask  # (V + 1,) padding and delisted items
    max_history: int = MAX_HISTORY_EVENTS

    @property
    def n_scores(self) -> int:
        """V + 1."""
        return len(self.excluded_items)

    def score(self, batch: ModelInput) -> Scores:
        """(B, V + 1) scores."""
        b, n_scores = len(batch.offsets) - 1, self.n_scores
        row_starts = np.repeat(np.arange(b), np.diff(batch.offsets)) * n_scores  # (N,)
        weights = RECENCY_DECAY ** basket_lags(batch)  # (N,)
        neighbour_cells = row_starts[:, None] + self.baselines.neighbours[batch.items]  # (N, K)
        neighbour_values = weights[:, None] * self.baselines.neighbour_scores[batch.items]
        scores = np.bincount(neighbour_cells.ravel(), neighbour_values.ravel(), minlength=b * n_scores)
        repeat_scores = SELF_SIMILARITY * np.bincount(row_starts + batch.items, weights, minlength=b * n_scores)
        return _final_scores((scores + repeat_scores).reshape(b, n_scores), self.baselines, self.excluded_items)


@dataclass(frozen=True)
class SequentialRulesScorer:
    """Sequential rules: items that follow the shopper's last events, and repeats; see `freshet.data.sequential_rules`.

    Items without a score follow by popularity.
    """

    baselines: Baselines
    excluded_items: Mask  # (V + 1,) padding and delisted items
    max_history: int = MAX_HISTORY_EVENTS

    @property
    def n_scores(self) -> int:
        """V + 1."""
        return len(self.excluded_items)

    def score(self, batch: ModelInput) -> Scores:
        """(B, V + 1) scores."""
        b, n_scores = len(batch.offsets) - 1, self.n_scores
        scores = np.bincount(*self.baselines.rules.score(batch, n_scores), minlength=b * n_scores)
        return _final_scores(scores.reshape(b, n_scores), self.baselines, self.excluded_items)


def build_baselines(training_set: TrainingSet) -> Baselines:
    """Compute all baselines from the training days, without the held-out ones."""
    histories, n_rows = training_set.histories, len(training_set.vocabulary) + 1
    popularity = training_set.popularity
    if not popularity.any():  # no event in the last week: use all training days
        in_training = histories.days <= training_set.train_until
        popularity = np.bincount(histories.items[in_training], minlength=n_rows).astype(np.float64)
        popularity[0] = 0
    neighbours, neighbour_scores = compute_item_knn(histories, training_set.train_until, n_rows)
    return Baselines(popularity, neighbours, neighbour_scores, count_rules(histories, training_set.train_until, n_rows))


def save_baselines(baselines: Baselines, path: Path) -> None:
    """Write `baselines.npz`: plain arrays without pickles."""
    rules = baselines.rules
    neighbour_arrays = (baselines.popularity, baselines.neighbours, baselines.neighbour_scores)
    rule_arrays = (rules.offsets, rules.items, rules.confidences, rules.counts, rules.repeat_rates)
    arrays: dict[str, Any] = dict(zip((*BASELINE_ARRAYS, *RULE_ARRAYS), (*neighbour_arrays, *rule_arrays), strict=True))
    np.savez(path, **arrays)


def load_baselines(path: Path) -> Baselines:
    """Return the baselines in a file of `save_baselines`; without rules if an older version wrote it.

    Raises BundleError if the file holds something else.
    """
    popularity, neighbours, neighbour_scores = load_arrays(path, BASELINE_ARRAYS, "baselines")
    if RULE_ARRAYS[0] not in array_names(path, "baselines"):
        return Baselines(popularity, neighbours, neighbour_scores)
    return Baselines(
        popularity, neighbours, neighbour_scores, SequentialRules(*load_arrays(path, RULE_ARRAYS, "sequential rules"))
    )


def _final_scores(scores: NDArray[Any], baselines: Baselines, excluded_items: Mask) -> Scores:
    """Return the scores (B, V + 1) as float32, ties broken by popularity, and with excluded items masked."""
    tiebreak = baselines.popularity / max(1.0, float(baselines.popularity.max())) * 1e-6
    out = scores + tiebreak
    out[:, excluded_items] = EXCLUDED_SCORE
    return out.astype(np.float32)
