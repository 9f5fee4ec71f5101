"""What shoppers like, and how they choose: standing, each for themselves."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freshet.simulation import cycles
from freshet.simulation.goods import BRANDS
from freshet.simulation.params import ShopParams
from freshet.simulation.paths import BUDGETS
from freshet.simulation.projects import PROJECTS

Ints = NDArray[np.int64]

LIKED = (0.55, 0.3, 0.15)  # how a shopper's fresh looks divide over the three categories they come for
COMPARES: Final = 0.15  # of the shoppers look at two items of a category before they go on, the others at one
BRAND_SHARES = (0.3, 0.22, 0.17, 0.13, 0.1, 0.08)


@dataclass(frozen=True)
class Tastes:
    """Of S shoppers."""

    brand: Ints  # (S,) their favourite
    budget: Ints  # (S,) the price band they look for
    patience: Ints  # (S,) items of a category that they compare before they go on
    project: Ints  # (S,)
    period: Ints  # (S,) days that a pack of their consumable lasts
    phase: Ints  # (S,)
    likes: Ints  # (2, S, 3) categories: usually, and once taste has drifted
    steadiness: NDArray[np.float64]  # (S,) the strength of a drift of taste or habit from which on a shopper follows it

    def beside(self, more: "Tastes") -> "Tastes":
        """These shoppers and then those."""
        pairs = ((getattr(self, part), getattr(more, part)) for part in self.__dataclass_fields__)
        return Tastes(*(np.concatenate(pair, axis=int(pair[0].ndim > 1)) for pair in pairs))


def tastes(params: ShopParams, shoppers: int, seed: int, stream: int) -> Tastes:
    """Of as many shoppers as asked for; a few categories are everybody's favourites, other ones after a drift."""
    rngs = (np.random.default_rng([seed, stream, part]) for part in range(9))
    usual, drifted, steady, brand, budget, patience, project, period, phase = rngs
    popular = 1.0 / np.arange(1, params.categories + 1) ** 0.7
    popular /= popular.sum()
    order = np.random.default_rng([params.seed, 6]).permutation(params.categories)
    sides = ((usual, popular), (drifted, popular[::-1]))
    return Tastes(
        brand=brand.choice(len(BRANDS), shoppers, p=BRAND_SHARES),
        budget=budget.integers(BUDGETS, size=shoppers),
        patience=1 + (patience.random(shoppers) < COMPARES),
        project=project.integers(PROJECTS, size=shoppers),
        period=period.integers(cycles.SHORTEST, cycles.LONGEST + 1, size=shoppers),
        phase=phase.integers(cycles.LONGEST, size=shoppers),
        likes=np.stack([order[rng.choice(params.categories, (shoppers, 3), p=p)] for rng, p in sides]),
        steadiness=steady.random(shoppers),
    )
