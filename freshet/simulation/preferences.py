"""What shoppers like, and how they choose: standing, each for themselves."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freshet.simulation import repurchase
from freshet.simulation.item_graph import N_PRICE_BANDS
from freshet.simulation.params import ShopParams
from freshet.simulation.product_titles import BRANDS
from freshet.simulation.projects import N_PROJECTS

Ints = NDArray[np.int64]

FAVORITE_WEIGHTS = (0.55, 0.3, 0.15)  # how a shopper's fresh looks divide over the three categories they come for
P_COMPARES_TWO: Final = 0.15  # of the shoppers look at two items of a category before they go on, the others at one
BRAND_SHARES = (0.3, 0.22, 0.17, 0.13, 0.1, 0.08)


@dataclass(frozen=True)
class Preferences:
    """Of S shoppers."""

    brand: Ints  # (S,) their favourite
    price_band: Ints  # (S,) the price band they look for
    n_comparisons: Ints  # (S,) items of a category that they compare before they go on
    project: Ints  # (S,)
    replenishment_days: Ints  # (S,) days that a pack of their consumable lasts
    replenishment_phase: Ints  # (S,)
    favorite_categories: Ints  # (2, S, 3) categories: usually, and once taste has drifted
    drift_threshold: NDArray[
        np.float64
    ]  # (S,) the strength of a drift of taste or habit from which on a shopper follows it

    def concat(self, other: "Preferences") -> "Preferences":
        """These shoppers and then those."""
        pairs = ((getattr(self, name), getattr(other, name)) for name in self.__dataclass_fields__)
        return Preferences(*(np.concatenate(pair, axis=int(pair[0].ndim > 1)) for pair in pairs))


def draw_preferences(params: ShopParams, n_shoppers: int, seed: int, stream: int) -> Preferences:
    """Of as many shoppers as asked for; a few categories are everybody's favourites, other ones after a drift."""
    rngs = (np.random.default_rng([seed, stream, part]) for part in range(9))
    (
        base_rng,
        drifted_rng,
        threshold_rng,
        brand_rng,
        price_band_rng,
        comparisons_rng,
        project_rng,
        period_rng,
        phase_rng,
    ) = rngs
    popular = 1.0 / np.arange(1, params.categories + 1) ** 0.7
    popular /= popular.sum()
    order = np.random.default_rng([params.seed, 6]).permutation(params.categories)
    variants = ((base_rng, popular), (drifted_rng, popular[::-1]))
    return Preferences(
        brand=brand_rng.choice(len(BRANDS), n_shoppers, p=BRAND_SHARES),
        price_band=price_band_rng.integers(N_PRICE_BANDS, size=n_shoppers),
        n_comparisons=1 + (comparisons_rng.random(n_shoppers) < P_COMPARES_TWO),
        project=project_rng.integers(N_PROJECTS, size=n_shoppers),
        replenishment_days=period_rng.integers(repurchase.MIN_PACK_DAYS, repurchase.MAX_PACK_DAYS + 1, size=n_shoppers),
        replenishment_phase=phase_rng.integers(repurchase.MAX_PACK_DAYS, size=n_shoppers),
        favorite_categories=np.stack(
            [order[rng.choice(params.categories, (n_shoppers, 3), p=p)] for rng, p in variants]
        ),
        drift_threshold=threshold_rng.random(n_shoppers),
    )
