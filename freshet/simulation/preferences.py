"""Preferences of each shopper, constant over time: brand, price band, favourite categories, project, repurchases."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from freshet.simulation.array_types import Bools, Floats, Ints
from freshet.simulation.item_graph import N_PRICE_BANDS
from freshet.simulation.params import ShopParams
from freshet.simulation.product_titles import BRANDS
from freshet.simulation.projects import N_PROJECTS

FAVORITE_WEIGHTS = (0.55, 0.3, 0.15)  # of exploring views over a shopper's three favourite categories
P_COMPARES_TWO: Final = 0.15  # share of shoppers who view two items of a category before they go on; the others one
CATEGORY_ORDER_STREAM: Final = 6  # stream of random numbers
MIN_PACK_DAYS, MAX_PACK_DAYS = 7, 21  # days that a pack of a shopper's consumable lasts
BRAND_SHARES = (0.3, 0.22, 0.17, 0.13, 0.1, 0.08)


@dataclass(frozen=True)
class Preferences:
    """Preferences of S shoppers."""

    brand: Ints  # (S,) favourite brand
    price_band: Ints  # (S,) preferred price band
    n_comparisons: Ints  # (S,) items of a category that they compare before they go on
    project: Ints  # (S,)
    replenishment_days: Ints  # (S,) days that a pack of the consumable lasts
    replenishment_phase: Ints  # (S,)
    favorite_categories: Ints  # (2, S, 3) before and after a taste drift
    drift_threshold: Floats  # (S,) a shopper follows a taste or habit drift that is stronger

    def concat(self, other: "Preferences") -> "Preferences":
        """Return the preferences of these shoppers, then of the others."""
        pairs = ((getattr(self, name), getattr(other, name)) for name in self.__dataclass_fields__)
        return Preferences(*(np.concatenate(pair, axis=int(pair[0].ndim > 1)) for pair in pairs))


def draw_preferences(params: ShopParams, n_shoppers: int, seed: int, stream: int) -> Preferences:
    """Draw the preferences of n shoppers. A few categories are popular with all; a taste drift makes others popular."""
    rngs = [np.random.default_rng([seed, stream, part]) for part in range(9)]
    threshold_rng, brand_rng, price_band_rng, comparisons_rng, project_rng, period_rng, phase_rng = rngs[2:]
    return Preferences(
        brand=brand_rng.choice(len(BRANDS), n_shoppers, p=BRAND_SHARES),
        price_band=price_band_rng.integers(N_PRICE_BANDS, size=n_shoppers),
        n_comparisons=1 + (comparisons_rng.random(n_shoppers) < P_COMPARES_TWO),
        project=project_rng.integers(N_PROJECTS, size=n_shoppers),
        replenishment_days=period_rng.integers(MIN_PACK_DAYS, MAX_PACK_DAYS + 1, size=n_shoppers),
        replenishment_phase=phase_rng.integers(MAX_PACK_DAYS, size=n_shoppers),
        favorite_categories=_draw_favorite_categories(params, n_shoppers, rngs[:2]),
        drift_threshold=threshold_rng.random(n_shoppers),
    )


def is_replenishment_due(period: Ints, phase: Ints, last_day: Ints, day: Ints) -> Bools:
    """Return whether a pack ran out since the previous session (B,). last_day: of that session, -1 = none."""
    return (last_day >= 0) & ((day + phase) // period > (last_day + phase) // period)


def _draw_favorite_categories(params: ShopParams, n_shoppers: int, rngs: Sequence[np.random.Generator]) -> Ints:
    """(2, S, 3) before and after a taste drift, which reverses the popularity of the categories."""
    popularity = 1.0 / np.arange(1, params.categories + 1) ** 0.7
    popularity /= popularity.sum()
    order = np.random.default_rng([params.seed, CATEGORY_ORDER_STREAM]).permutation(params.categories)
    variants = zip(rngs, (popularity, popularity[::-1]), strict=True)
    return np.stack([order[rng.choice(params.categories, (n_shoppers, 3), p=p)] for rng, p in variants])
