"""Nested item choice: category, then brand and price band, then the item, by its rank in the group.

Of a group of S items ordered by popularity, the first x · S get a share of x ** (1 / POPULARITY_STEEPNESS) of the
views.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from freshet.simulation.array_types import Floats, Ints
from freshet.simulation.item_graph import N_PRICE_BANDS
from freshet.simulation.product_titles import BRANDS

POPULARITY_STEEPNESS: Final = 2.2  # as in real shops: a tenth of the items gets 35 to 45 % of the views


@dataclass(frozen=True)
class SlotGroups:
    """Groups of slots, most popular first in each. Group g holds `slots[starts[g] : starts[g] + sizes[g]]`."""

    slots: Ints  # (P,)
    starts: Ints  # (G,)
    sizes: Ints  # (G,) at least 1

    def pick(self, group: Ints, draw: Floats) -> Ints:
        """Return a slot of each group (B,), more often near its top. draw: (B,) uniform in [0, 1)."""
        size = self.sizes[group]
        return np.asarray(self.slots[self.starts[group] + (size * draw**POPULARITY_STEEPNESS).astype(np.int64)])


def group_by_category(category: Ints, popularity: Floats) -> SlotGroups:
    """Return a group per category: its page in the shop, most popular first."""
    order = np.lexsort((-popularity, category))
    sizes = np.bincount(category)
    return SlotGroups(order, np.cumsum(sizes) - sizes, sizes)


def group_by_niche(category: Ints, brand: Ints, price_band: Ints, popularity: Floats) -> SlotGroups:
    """Return a group per niche (category, brand, price band).

    An empty niche takes the group of the brand's nearest price band, else of the next brand.
    """
    niche_of_slot = niche_index(category, brand, price_band)
    order = np.lexsort((-popularity, niche_of_slot))
    sizes = np.bincount(niche_of_slot, minlength=(int(category.max()) + 1) * len(BRANDS) * N_PRICE_BANDS)
    starts = np.cumsum(sizes) - sizes
    nearest = np.array([_nearest_nonempty(niche_number, sizes) for niche_number in range(len(sizes))])
    return SlotGroups(order, starts[nearest], sizes[nearest])


def niche_index(category: Ints, brand: Ints, price_band: Ints) -> Ints:
    """Return the group number of (category, brand, price band)."""
    return (category * len(BRANDS) + brand) * N_PRICE_BANDS + price_band


def _nearest_nonempty(niche_number: int, sizes: Ints) -> int:
    category, remainder = divmod(niche_number, len(BRANDS) * N_PRICE_BANDS)
    brand, price_band = divmod(remainder, N_PRICE_BANDS)
    first = category * len(BRANDS) * N_PRICE_BANDS
    candidates = [
        (
            brand_step,
            abs(other_band - price_band),
            first + (brand + brand_step) % len(BRANDS) * N_PRICE_BANDS + other_band,
        )
        for brand_step in range(len(BRANDS))
        for other_band in range(N_PRICE_BANDS)
    ]
    return next(group for _, _, group in sorted(candidates) if sizes[group])
