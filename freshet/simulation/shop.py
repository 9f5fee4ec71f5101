"""A simulated shop, the same for the same seed: what its shoppers look at, put in the cart, buy, send back.

What comes next depends on more than the last item: on the two before (a comparison goes on in its direction), on how
many of a category were compared, on what was bought (a project goes on past it), on the shopper's project, brand and
price, on what is used up and bought again. It depends on the shop, too: what is sold out, what stands at the top of a
page or in a list that an old recommender made. Each rule is a module; `choices` puts them together.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from freshet.simulation.catalogue import Catalogue, catalogue
from freshet.simulation.choices import Choices, choices
from freshet.simulation.moments import SimulatedEvents, moments
from freshet.simulation.params import ShopParams
from freshet.simulation.shoppers import BOT, GUEST, visits
from freshet.simulation.tastes import tastes
from freshet.simulation.walk import walk


@dataclass(frozen=True)
class Shop:
    """The catalogue, who came, and everything that happened."""

    params: ShopParams
    catalogue: Catalogue
    events: SimulatedEvents
    guests: NDArray[np.bool_] = field(repr=False)  # (shoppers,) who have no account; bots have none either
    bots: NDArray[np.bool_] = field(repr=False)  # (shoppers,)
    rules: Choices = field(repr=False)  # how shoppers choose


def generate(params: ShopParams) -> Shop:
    """The whole shop; about a million events in three seconds. A drift changes nothing before its day."""
    catalogue_rng, visits_rng, walk_rng, moments_rng = (np.random.default_rng([params.seed, n]) for n in range(10, 14))
    goods = catalogue(params, catalogue_rng)
    coming = visits(params, visits_rng)
    rules = choices(params, goods, tastes(params, len(coming.kind), params.seed, 20), coming.kind)
    looks = walk(coming, rules, walk_rng)
    events = moments(params, goods, coming, looks, moments_rng)
    return Shop(params, goods, events, coming.kind >= GUEST, coming.kind == BOT, rules)
