"""The bootstrap over shoppers: how far a mean over baskets may be luck."""

import numpy as np

from freshet.data.history import Ints
from freshet.evaluation.metrics import Values

MAX_DRAWS_PER_CHUNK = 2_000_000  # drawn shoppers, 16 MB


def shopper_bootstrap(values: Values, shopper_index: Ints, n_samples: int, rng: np.random.Generator) -> Values:
    """(samples, S) the means of S quantities over C baskets, with the shoppers drawn again. values: (C, S).

    Cluster bootstrap (Field and Welsh 2007): the baskets of one shopper go well or badly together, so a shopper is
    drawn with all of theirs. The number of baskets changes from draw to draw: a mean is the ratio of two sums. All
    quantities share the draws, so their differences are paired.
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
    """((G, S) sums over the baskets of each of G shoppers, (G,) how many baskets each has)."""
    _, shopper_index = np.unique(shopper_index, return_inverse=True)
    sizes = np.bincount(shopper_index).astype(np.float64)
    return np.column_stack([np.bincount(shopper_index, column) for column in values.T]), sizes


def effective_shoppers(shopper_index: Ints) -> float:
    """How many shoppers with equally many baskets would tell as much: (Σ n)² / Σ n² (Kish 1965); 0 without baskets."""
    sizes = np.bincount(np.unique(shopper_index, return_inverse=True)[1]).astype(np.float64)
    return float(sizes.sum() ** 2 / np.square(sizes).sum()) if len(shopper_index) else 0.0
