"""Cluster bootstrap over shoppers: the sampling distribution of a mean over baskets."""

from typing import Final

import numpy as np

from freshet.data.history import Ints
from freshet.evaluation.metrics import Values

MAX_DRAWS_PER_CHUNK: Final = 2_000_000  # drawn shoppers, 16 MB


def shopper_bootstrap(values: Values, shopper_index: Ints, n_samples: int, rng: np.random.Generator) -> Values:
    """(n_samples, S) resampled means of S quantities over C baskets. values: (C, S).

    Cluster bootstrap (Field and Welsh 2007): a shopper's baskets are correlated, so shoppers are drawn with all of
    their baskets. The number of baskets differs between draws: a mean is the ratio of two sums. All quantities share
    the draws, so their differences are paired.
    """
    sums, sizes = shopper_sums(values, shopper_index)
    shopper_totals = np.column_stack([sums, sizes])  # (G, S + 1)
    n_shoppers, chunk_size = len(shopper_totals), max(1, MAX_DRAWS_PER_CHUNK // max(1, len(shopper_totals)))
    totals = np.empty((n_samples, shopper_totals.shape[1]))
    for start in range(0, n_samples, chunk_size):
        n_draws = min(chunk_size, n_samples - start)
        draws = rng.integers(0, n_shoppers, (n_draws, n_shoppers), dtype=np.int32)
        draws += np.arange(n_draws, dtype=np.int32)[:, None] * np.int32(n_shoppers)
        weights = np.bincount(draws.ravel(), minlength=n_draws * n_shoppers).reshape(n_draws, n_shoppers)
        totals[start : start + n_draws] = weights @ shopper_totals
    means: Values = totals[:, :-1] / totals[:, -1:]
    return means


def shopper_sums(values: Values, shopper_index: Ints) -> tuple[Values, Values]:
    """((G, S) sums over the baskets of each of G shoppers, (G,) number of baskets of each)."""
    _, shopper_index = np.unique(shopper_index, return_inverse=True)
    sizes = np.bincount(shopper_index).astype(np.float64)
    return np.column_stack([np.bincount(shopper_index, column) for column in values.T]), sizes


def effective_shoppers(shopper_index: Ints) -> float:
    """Return Kish's effective sample size, (Σ n)² / Σ n² (1965): shoppers with equally many baskets; 0 without any."""
    sizes = np.bincount(np.unique(shopper_index, return_inverse=True)[1]).astype(np.float64)
    return float(sizes.sum() ** 2 / np.square(sizes).sum()) if len(shopper_index) else 0.0
