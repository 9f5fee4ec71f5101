"""Click rates and their differences, with confidence intervals clustered by shopper."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

NORMAL_95: Final = 1.96  # quantile of the normal distribution for a two-sided 95 % interval


@dataclass(frozen=True)
class Estimate:
    """A mean and half the width of its 95 % interval."""

    mean: float
    half_width: float

    def __str__(self) -> str:
        """Return `3.1 ± 0.5 %`."""
        return f"{100 * self.mean:.1f} ± {100 * self.half_width:.1f} %"

    @property
    def points_text(self) -> str:
        """Return `-1.4 ± 0.6 points`, for a difference between two rates."""
        return f"{100 * self.mean:+.1f} ± {100 * self.half_width:.1f} points"

    @property
    def is_clear(self) -> bool:
        """Return whether zero is outside the interval."""
        return abs(self.mean) > self.half_width

    def minus(self, other: "Estimate") -> "Estimate":
        """Return the difference to an estimate from other shoppers."""
        return Estimate(self.mean - other.mean, math.hypot(self.half_width, other.half_width))


def clustered_mean(shoppers: Sequence[int], values: Sequence[float]) -> Estimate:
    """Return the mean over lists, with an interval clustered by shopper, because shoppers are sampled and not lists.

    The interval is that of a ratio of sums over shoppers (linearised; Cochran, Sampling Techniques, 1977, chapter 6).
    """
    value = np.asarray(values, np.float64)
    mean = float(value.mean())
    _, owner = np.unique(np.asarray(shoppers), return_inverse=True)
    by_shopper = np.bincount(owner, weights=value - mean)
    return Estimate(mean, NORMAL_95 * float(np.sqrt((by_shopper**2).sum())) / len(value))
