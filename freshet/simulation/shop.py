"""A shop that does not exist, the same for the same seed: what its shoppers look at, put in the cart, buy, send back.

A popularity list cannot guess what comes next, and neither can the item looked at last by itself: a shopper who
only looked goes on to an alternative, which depends on their style (the cheaper one, the dearer one, the same brand);
one who put it in the cart goes on to the accessory. Both show in the shopper's own history, in its order and its
event types.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from freshet.simulation.catalogue import Catalogue, catalogue
from freshet.simulation.choices import Choices, choices
from freshet.simulation.moments import SimulatedEvents, moments
from freshet.simulation.params import ShopParams
from freshet.simulation.shoppers import BOT, GUEST, tastes, visits
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
