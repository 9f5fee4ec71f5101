"""What a model must beat to be worth its trouble: what is popular, what goes with what (item to item), and what comes
after what (sequential rules).

All live in the bundle, so the ranker can fall back on them and every later model is judged beside them.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freshet.data.history import ModelInput, basket_lags
from freshet.data.item_knn import compute_item_knn
from freshet.data.knn_blend import BlendTables, ItemNeighbours
from freshet.data.sequential_rules import RuleTable, count_rules
from freshet.data.training_set import TrainingSet
from freshet.inference.array_files import array_names, load_arrays
from freshet.inference.scoring import EXCLUDED_SCORE, Mask, Scores

# Chosen once, on weeks before the judged ones, for orders and clicks together: docs/evaluation.md.
MAX_HISTORY_EVENTS: Final = 100  # events of a history that count
RECENCY_DECAY: Final = 0.9  # a basket's weight against the one after it
SELF_SIMILARITY: Final = 3.0  # an item's similarity to itself: people come back to what they had

BASELINE_ARRAYS: Final = ("popularity", "neighbours", "neighbour_scores")
# Not in bundles from before there were rules.
RULE_ARRAYS: Final = ("rule_offsets", "rule_items", "rule_confidences", "rule_counts", "return_rates")


@dataclass(frozen=True)
class Baselines:
    """The content of `baselines.npz`."""

    popularity: NDArray[np.float64]  # (V + 1,)
    neighbours: NDArray[np.int32]  # (V + 1, K) item indexes, nearest first; 0 = none
    neighbour_scores: NDArray[np.float32]  # (V + 1, K) similarity; 0 where there is none
    rules: RuleTable = field(default_factory=RuleTable.empty)

    @property
    def blend_tables(self) -> BlendTables:
        """What the ranker mixes in."""
        return BlendTables(ItemNeighbours(self.neighbours, self.neighbour_scores), self.rules)


@dataclass(frozen=True)
class PopularityScorer:
    """The same answer for everybody: what most were after in the last 7 days."""

    baselines: Baselines
    excluded_items: Mask  # (V + 1,) PAD and tombstones
    max_history: int = 1

    @property
    def n_scores(self) -> int:
        """V + 1."""
        return len(self.excluded_items)

    def score(self, batch: ModelInput) -> Scores:
        """(B, V + 1), every row the same."""
        row = np.where(self.excluded_items, EXCLUDED_SCORE, self.baselines.popularity).astype(np.float32)
        return np.tile(row, (len(batch.offsets) - 1, 1))


@dataclass(frozen=True)
class ItemKnnScorer:
    """What goes with what the shopper had: neighbours of the last items, those of the latest basket weighing most.

    score(j) = sum over the history's events e of RECENCY ** (baskets since e) · similarity(item of e, j), where
    an item's similarity to itself is REPEAT. Items that share no neighbour follow by popularity.
    """

    baselines: Baselines
    excluded_items: Mask  # (V + 1,) PAD and tombstones
    max_history: int = MAX_HISTORY_EVENTS

    @property
    def n_scores(self) -> int:
        """V + 1."""
        return len(self.excluded_items)

    def score(self, batch: ModelInput) -> Scores:
        """(B, V + 1)."""
        b, n_scores = len(batch.offsets) - 1, self.n_scores
        row_starts = np.repeat(np.arange(b), np.diff(batch.offsets)) * n_scores  # (N,)
        weights = RECENCY_DECAY ** basket_lags(batch)  # (N,)
        neighbour_cells = row_starts[:, None] + self.baselines.neighbours[batch.items]  # (N, K)
        neighbour_values = weights[:, None] * self.baselines.neighbour_scores[batch.items]
        scores = np.bincount(neighbour_cells.ravel(), neighbour_values.ravel(), minlength=b * n_scores)
        repeat_scores = SELF_SIMILARITY * np.bincount(row_starts + batch.items, weights, minlength=b * n_scores)
        out = (scores + repeat_scores).reshape(b, n_scores) + _popularity_tiebreak(self.baselines.popularity)
        out[:, self.excluded_items] = EXCLUDED_SCORE
        return out.astype(np.float32)


@dataclass(frozen=True)
class SequentialRulesScorer:
    """What comes after what the shopper did last, and what comes again: the formula of `freshet.data.sequential_rules`.

    Items of which the rules say nothing come last, by popularity.
    """

    baselines: Baselines
    excluded_items: Mask  # (V + 1,) PAD and tombstones
    max_history: int = MAX_HISTORY_EVENTS

    @property
    def n_scores(self) -> int:
        """V + 1."""
        return len(self.excluded_items)

    def score(self, batch: ModelInput) -> Scores:
        """(B, V + 1)."""
        b, n_scores = len(batch.offsets) - 1, self.n_scores
        scores = np.bincount(*self.baselines.rules.score(batch, n_scores), minlength=b * n_scores).reshape(b, n_scores)
        out = scores + _popularity_tiebreak(self.baselines.popularity)
        out[:, self.excluded_items] = EXCLUDED_SCORE
        return out.astype(np.float32)


def build_baselines(training_set: TrainingSet) -> Baselines:
    """All baselines from what had landed by the cut: nothing of the judged days is in them."""
    histories, n_rows = training_set.histories, len(training_set.vocabulary) + 1
    popularity = training_set.popularity
    if not popularity.any():  # a quiet week: what was popular over all time
        in_training = histories.days <= training_set.train_until
        popularity = np.bincount(histories.items[in_training], minlength=n_rows).astype(np.float64)
        popularity[0] = 0
    neighbours, neighbour_scores = compute_item_knn(histories, training_set.train_until, n_rows)
    return Baselines(popularity, neighbours, neighbour_scores, count_rules(histories, training_set.train_until, n_rows))


def save_baselines(baselines: Baselines, path: Path) -> None:
    """Write `baselines.npz`: plain arrays, no pickles."""
    rules = baselines.rules
    neighbour_arrays = (baselines.popularity, baselines.neighbours, baselines.neighbour_scores)
    rule_arrays = (rules.offsets, rules.items, rules.confidences, rules.counts, rules.repeat_rates)
    arrays: dict[str, Any] = dict(zip((*BASELINE_ARRAYS, *RULE_ARRAYS), (*neighbour_arrays, *rule_arrays), strict=True))
    np.savez(path, **arrays)


def load_baselines(path: Path) -> Baselines:
    """Read what `save_baselines` wrote, now or before there were rules: then there are none.

    Raises BundleError when it is something else.
    """
    popularity, neighbours, neighbour_scores = load_arrays(path, BASELINE_ARRAYS, "baselines")
    if RULE_ARRAYS[0] not in array_names(path, "baselines"):
        return Baselines(popularity, neighbours, neighbour_scores)
    return Baselines(
        popularity, neighbours, neighbour_scores, RuleTable(*load_arrays(path, RULE_ARRAYS, "sequential rules"))
    )


def _popularity_tiebreak(popularity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Popularity made so small that it only decides between items that have nothing else."""
    return popularity / max(1.0, float(popularity.max())) * 1e-6
