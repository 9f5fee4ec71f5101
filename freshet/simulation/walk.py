"""Every shopper's way through the shop, one look of all shoppers at a time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from freshet.simulation.choices import DRAWS, RECENT, Choices, Ints, Situation
from freshet.simulation.clock import DAY, day_number
from freshet.simulation.shoppers import Visits


@dataclass(frozen=True)
class Looks:
    """L looks, by shopper and in each shopper's order."""

    shopper: NDArray[np.int64]  # (L,)
    place: NDArray[np.int64]  # (L,) in the catalogue
    went: NDArray[np.int64]  # (L,) LOOKED, CARTED or BOUGHT
    visit: NDArray[np.int64]  # (L,) number of the visit, over all shoppers


def walk(visits: Visits, rules: Choices, rng: np.random.Generator) -> Looks:
    """Who looks at what, and how far they go with it."""
    visit = np.repeat(np.arange(len(visits.looks)), visits.looks)
    shopper = visits.shopper[visit]
    day = np.minimum(visits.start // DAY - day_number(rules.params.first_day), rules.params.days - 1)[visit]
    begins = np.diff(visit, prepend=-1) > 0
    draws = rng.random((len(visit), DRAWS))
    went = rules.outcomes(shopper, draws)
    place = np.zeros(len(visit), np.int64)
    count = np.bincount(shopper, minlength=len(visits.kind))
    first = np.cumsum(count) - count
    busiest = np.argsort(-count, kind="stable")
    recent = np.zeros((len(busiest), RECENT), np.int64)  # in the order of `busiest`
    for step in range(int(count.max(initial=0))):
        active = int(np.count_nonzero(count > step))
        at = first[busiest[:active]] + step
        seen = np.full(active, step)
        now = Situation(shopper[at], day[at], begins[at], seen, recent[:active], went[at - (step > 0)])
        place[at] = rules.next_places(now, draws[at])
        recent = _remember(recent[:active], place[at])
    return Looks(shopper, place, went, visit)


def _remember(recent: Ints, place: Ints) -> Ints:
    """(B, RECENT) with the latest put in front."""
    return np.concatenate([place[:, None], recent[:, :-1]], axis=1)
