"""Which item of a category is looked at: of the brand and the price that a shopper likes, or from the top of a page.

A nested choice: category, then brand and price band, then the item. What stands further down is looked at less often:
of S items, those among the first x · S get a share of x ** (1 / STEEPNESS) of the looks.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freshet.simulation.goods import BRANDS
from freshet.simulation.paths import BUDGETS

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

STEEPNESS: Final = 2.2  # as in real shops: a tenth of the items has 35 to 45 % of the looks


@dataclass(frozen=True)
class Shelves:
    """Places in groups, the best known first in each. Group g holds `places[starts[g] : starts[g] + sizes[g]]`."""

    places: Ints  # (P,)
    starts: Ints  # (G,)
    sizes: Ints  # (G,) at least 1

    def pick(self, group: Ints, draw: Floats) -> Ints:
        """(B,) a place of each group, nearer to its top the more often. draw: (B,) uniform in [0, 1)."""
        size = self.sizes[group]
        return np.asarray(self.places[self.starts[group] + (size * draw**STEEPNESS).astype(np.int64)])


def pages(category: Ints, weights: Floats) -> Shelves:
    """A group for each category: its page in the shop, which shows the best known first."""
    order = np.lexsort((-weights, category))
    sizes = np.bincount(category)
    return Shelves(order, np.cumsum(sizes) - sizes, sizes)


def niches(category: Ints, brand: Ints, band: Ints, weights: Floats) -> Shelves:
    """A group for each `niche`; one that is empty is that of the nearest price, else of another brand."""
    key = niche(category, brand, band)
    order = np.lexsort((-weights, key))
    sizes = np.bincount(key, minlength=(int(category.max()) + 1) * len(BRANDS) * BUDGETS)
    starts = np.cumsum(sizes) - sizes
    nearest = np.array([_nearest_filled(number, sizes) for number in range(len(sizes))])
    return Shelves(order, starts[nearest], sizes[nearest])


def niche(category: Ints, brand: Ints, band: Ints) -> Ints:
    """The number of the group of a brand's items of a price band in a category."""
    return (category * len(BRANDS) + brand) * BUDGETS + band


def _nearest_filled(number: int, sizes: Ints) -> int:
    category, of_brand = divmod(number, len(BRANDS) * BUDGETS)
    brand, band = divmod(of_brand, BUDGETS)
    first = category * len(BRANDS) * BUDGETS
    others = [
        (step, abs(other - band), first + (brand + step) % len(BRANDS) * BUDGETS + other)
        for step in range(len(BRANDS))
        for other in range(BUDGETS)
    ]
    return next(group for _, _, group in sorted(others) if sizes[group])
