"""The bootstrap over shoppers: how far a mean over baskets may be luck."""

import numpy as np

from freshet.history import Ints
from freshet.judge.metrics import Values

DRAWS_AT_ONCE = 2_000_000  # drawn shoppers, 16 MB


def shopper_bootstrap(values: Values, owners: Ints, samples: int, rng: np.random.Generator) -> Values:
    """(samples, S) the means of S quantities over C baskets, with the shoppers drawn again. values: (C, S).

    Cluster bootstrap (Field and Welsh 2007): the baskets of one shopper go well or badly together, so a shopper is
    drawn with all of theirs. The number of baskets changes from draw to draw: a mean is the ratio of two sums. All
    quantities share the draws, so their differences are paired.
    """
    sums, sizes = shopper_sums(values, owners)
    table = np.column_stack([sums, sizes])  # (G, S + 1)
    shoppers, step = len(table), max(1, DRAWS_AT_ONCE // max(1, len(table)))
    totals = np.empty((samples, table.shape[1]))
    for start in range(0, samples, step):
        rows = min(step, samples - start)
        drawn = rng.integers(0, shoppers, (rows, shoppers), dtype=np.int32)
        drawn += np.arange(rows, dtype=np.int32)[:, None] * np.int32(shoppers)
        weights = np.bincount(drawn.ravel(), minlength=rows * shoppers).reshape(rows, shoppers)
        totals[start : start + rows] = weights @ table
    means: Values = totals[:, :-1] / totals[:, -1:]
    return means


def shopper_sums(values: Values, owners: Ints) -> tuple[Values, Values]:
    """((G, S) sums over the baskets of each of G shoppers, (G,) how many baskets each has)."""
    _, number = np.unique(owners, return_inverse=True)
    sizes = np.bincount(number).astype(np.float64)
    return np.column_stack([np.bincount(number, column) for column in values.T]), sizes


def effective_shoppers(owners: Ints) -> float:
    """How many shoppers with equally many baskets would tell as much: (Σ n)² / Σ n² (Kish 1965); 0 without baskets."""
    sizes = np.bincount(np.unique(owners, return_inverse=True)[1]).astype(np.float64)
    return float(sizes.sum() ** 2 / np.square(sizes).sum()) if len(owners) else 0.0
