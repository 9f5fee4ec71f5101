"""What a model must beat to be worth its trouble: what is popular, what goes with what (item to item), and what comes
after what (sequential rules).

All live in the bundle, so the ranker can fall back on them and every later model is judged beside them.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freshet.covisitation import covisitation
from freshet.history import ModelInput, baskets_ago
from freshet.live.arrays import array_names, read_arrays
from freshet.live.scorer import NEVER, Mask, Scores
from freshet.neighbourhood import Neighbours, Tables
from freshet.sequential_rules import Rules, sequential_rules
from freshet.training_set import TrainingSet

# Chosen once, on weeks before the judged ones, for orders and clicks together: docs/evaluation.md.
LENGTH: Final = 100  # events of a history that count
RECENCY: Final = 0.9  # a basket's weight against the one after it
REPEAT: Final = 3.0  # an item's similarity to itself: people come back to what they had

ARRAYS: Final = ("popularity", "neighbours", "neighbour_scores")
# Not in bundles from before there were rules.
RULE_ARRAYS: Final = ("rule_offsets", "rule_items", "rule_confidences", "rule_counts", "return_rates")


@dataclass(frozen=True)
class Baselines:
    """The content of `baselines.npz`."""

    popularity: NDArray[np.float64]  # (V + 1,)
    neighbours: NDArray[np.int32]  # (V + 1, K) item indexes, nearest first; 0 = none
    neighbour_scores: NDArray[np.float32]  # (V + 1, K) similarity; 0 where there is none
    rules: Rules = field(default_factory=Rules.none)

    @property
    def tables(self) -> Tables:
        """What the ranker mixes in."""
        return Tables(Neighbours(self.neighbours, self.neighbour_scores), self.rules)


@dataclass(frozen=True)
class Popular:
    """The same answer for everybody: what most were after in the last 7 days."""

    baselines: Baselines
    never: Mask  # (V + 1,) PAD and tombstones
    length: int = 1

    @property
    def width(self) -> int:
        """V + 1."""
        return len(self.never)

    def score(self, batch: ModelInput) -> Scores:
        """(B, V + 1), every row the same."""
        row = np.where(self.never, NEVER, self.baselines.popularity).astype(np.float32)
        return np.tile(row, (len(batch.offsets) - 1, 1))


@dataclass(frozen=True)
class ItemToItem:
    """What goes with what the shopper had: neighbours of the last items, those of the latest basket weighing most.

    score(j) = sum over the history's events e of RECENCY ** (baskets since e) · similarity(item of e, j), where
    an item's similarity to itself is REPEAT. Items that share no neighbour follow by popularity.
    """

    baselines: Baselines
    never: Mask  # (V + 1,) PAD and tombstones
    length: int = LENGTH

    @property
    def width(self) -> int:
        """V + 1."""
        return len(self.never)

    def score(self, batch: ModelInput) -> Scores:
        """(B, V + 1)."""
        b, width = len(batch.offsets) - 1, self.width
        row = np.repeat(np.arange(b), np.diff(batch.offsets)) * width  # (N,)
        weight = RECENCY ** baskets_ago(batch)  # (N,)
        near = row[:, None] + self.baselines.neighbours[batch.items]  # (N, K)
        value = weight[:, None] * self.baselines.neighbour_scores[batch.items]
        scores = np.bincount(near.ravel(), value.ravel(), minlength=b * width)
        again = REPEAT * np.bincount(row + batch.items, weight, minlength=b * width)
        out = (scores + again).reshape(b, width) + _below_everything(self.baselines.popularity)
        out[:, self.never] = NEVER
        return out.astype(np.float32)


@dataclass(frozen=True)
class SequentialRules:
    """What comes after what the shopper did last, and what comes again: the formula of `freshet.sequential_rules`.

    Items of which the rules say nothing come last, by popularity.
    """

    baselines: Baselines
    never: Mask  # (V + 1,) PAD and tombstones
    length: int = LENGTH

    @property
    def width(self) -> int:
        """V + 1."""
        return len(self.never)

    def score(self, batch: ModelInput) -> Scores:
        """(B, V + 1)."""
        b, width = len(batch.offsets) - 1, self.width
        scores = np.bincount(*self.baselines.rules.scores(batch, width), minlength=b * width).reshape(b, width)
        out = scores + _below_everything(self.baselines.popularity)
        out[:, self.never] = NEVER
        return out.astype(np.float32)


def build_baselines(training_set: TrainingSet) -> Baselines:
    """All baselines from what had landed by the cut: nothing of the judged days is in them."""
    histories, size = training_set.histories, len(training_set.vocabulary) + 1
    popularity = training_set.popularity
    if not popularity.any():  # a quiet week: what was popular over all time
        landed = histories.days <= training_set.cut
        popularity = np.bincount(histories.items[landed], minlength=size).astype(np.float64)
        popularity[0] = 0
    neighbours, scores = covisitation(histories, training_set.cut, size)
    return Baselines(popularity, neighbours, scores, sequential_rules(histories, training_set.cut, size))


def save_baselines(baselines: Baselines, path: Path) -> None:
    """Write `baselines.npz`: plain arrays, no pickles."""
    rules = baselines.rules
    parts = (baselines.popularity, baselines.neighbours, baselines.neighbour_scores)
    rows = (rules.offsets, rules.items, rules.confidences, rules.counts, rules.returns)
    flat: dict[str, Any] = dict(zip((*ARRAYS, *RULE_ARRAYS), (*parts, *rows), strict=True))
    np.savez(path, **flat)


def load_baselines(path: Path) -> Baselines:
    """Read what `save_baselines` wrote, now or before there were rules: then there are none.

    Raises BundleError when it is something else.
    """
    popularity, neighbours, scores = read_arrays(path, ARRAYS, "baselines")
    if RULE_ARRAYS[0] not in array_names(path, "baselines"):
        return Baselines(popularity, neighbours, scores)
    return Baselines(popularity, neighbours, scores, Rules(*read_arrays(path, RULE_ARRAYS, "sequential rules")))


def _below_everything(popularity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Popularity made so small that it only decides between items that have nothing else."""
    return popularity / max(1.0, float(popularity.max())) * 1e-6
