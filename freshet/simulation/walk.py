"""Every shopper's way through the shop, one look of all shoppers at a time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from freshet.simulation import cycles
from freshet.simulation.choices import DRAWS, RECENT, Bools, Choices, Ints, Situation
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
    days = np.minimum(visits.start // DAY - day_number(rules.params.first_day), rules.params.days - 1)
    begins = np.diff(visit, prepend=-1) > 0
    due = begins & _due(visits, rules, days)[visit]
    draws = rng.random((len(visit), DRAWS))
    went = rules.outcomes(shopper, due, draws)
    place = np.zeros(len(visit), np.int64)
    count = np.bincount(shopper, minlength=len(visits.kind))
    first = np.cumsum(count) - count
    busiest = np.argsort(-count, kind="stable")
    recent = np.zeros((len(busiest), RECENT), np.int64)  # in the order of `busiest`
    owned = np.zeros(len(busiest), np.int64)
    for step in range(int(count.max(initial=0))):
        active = int(np.count_nonzero(count > step))
        at = first[busiest[:active]] + step
        who, seen, before = shopper[at], np.full(active, step), went[at - (step > 0)]
        now = Situation(who, days[visit[at]], begins[at], due[at], seen, recent[:active], before, owned[:active])
        place[at] = rules.next_places(now, draws[at])
        recent = _remember(recent[:active], place[at])
        owned = rules.bought(owned[:active], place[at], went[at])
    return Looks(shopper, place, went, visit)


def _due(visits: Visits, rules: Choices, days: Ints) -> Bools:
    """(V,) visits in which a shopper comes for their consumable."""
    same = np.diff(visits.shopper, prepend=-1) == 0
    last = np.where(same, np.concatenate([[-1], days[:-1]]), -1)
    tastes, who = rules.tastes, visits.shopper
    return cycles.due(tastes.period[who], tastes.phase[who], last, days) & (rules.staples[who] >= 0)


def _remember(recent: Ints, place: Ints) -> Ints:
    """(B, RECENT) with the latest put in front."""
    return np.concatenate([place[:, None], recent[:, :-1]], axis=1)
