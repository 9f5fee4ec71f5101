"""Paired difference of two scorers on the same baskets, with a standard error clustered by shopper."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from freshet.data.history import Ints
from freshet.evaluation.bootstrap import shopper_sums
from freshet.evaluation.metrics import Values


@dataclass(frozen=True)
class PairedDifference:
    """Mean difference over the baskets of G shoppers, and its standard error."""

    mean: float
    standard_error: float  # infinite with fewer than two shoppers
    n_shoppers: int

    def lower_bound(self, confidence: float) -> float:
        """Return the one-sided lower confidence bound of the mean difference."""
        return self.mean - NormalDist().inv_cdf(confidence) * self.standard_error

    def upper_bound(self, confidence: float) -> float:
        """Return the one-sided upper confidence bound of the mean difference."""
        return self.mean + NormalDist().inv_cdf(confidence) * self.standard_error


def paired_difference(differences: Values, shopper_index: Ints) -> PairedDifference:
    """Return the mean of (C,) differences and its error; shopper_index: (C,) the shopper of each basket.

    The error is the linearised one of a ratio of sums over clusters (Cochran 1977, 11.8): as good as a bootstrap over
    shoppers with some dozens of them, and cheap enough for every slice.
    """
    if not len(differences):
        return PairedDifference(0.0, math.inf, 0)
    mean = float(differences.mean())
    residuals, sizes = shopper_sums((differences - mean)[:, None], shopper_index)
    n_shoppers = len(sizes)
    if n_shoppers < 2:
        return PairedDifference(mean, math.inf, n_shoppers)
    variance = n_shoppers / (n_shoppers - 1) * float(np.square(residuals).sum()) / len(differences) ** 2
    return PairedDifference(mean, math.sqrt(variance), n_shoppers)
