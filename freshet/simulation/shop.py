"""A small shop that does not exist, the same for the same seed: what its shoppers look at, put in the cart and buy.

A popularity list cannot guess what comes next, and neither can the item looked at last by itself: a shopper who
only looked goes on to an alternative, which depends on their style (the cheaper one, the dearer one, the same brand);
one who bought goes on to the accessory. Both show in the shopper's own history, in its order and its event types.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from freshet.simulation.catalogue import Catalogue, catalogue
from freshet.simulation.clock import DAY, EPOCH, visit_starts
from freshet.simulation.params import ShopParams
from freshet.simulation.shoppers import Looks, walk

EVENT_NAMES = np.array(["view", "cart", "purchase"])


@dataclass(frozen=True)
class SimulatedEvents:
    """E events in order of time."""

    shopper: NDArray[np.int64]  # (E,)
    visit: NDArray[np.int64]  # (E,)
    item: NDArray[np.int64]  # (E,) position in the catalogue
    kind: NDArray[np.int64]  # (E,) position in EVENT_NAMES
    time: NDArray[np.int64]  # (E,) seconds since 1970, UTC

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True)
class Shop:
    """The catalogue, and everything that happened."""

    params: ShopParams
    catalogue: Catalogue
    events: SimulatedEvents
    guests: NDArray[np.bool_] = field(repr=False)  # (shoppers,)


def generate(params: ShopParams) -> Shop:
    """The whole shop; about a million events a second."""
    rng = np.random.default_rng(params.seed)
    goods = catalogue(params.items, params.categories, rng)
    looks = walk(params, goods, rng)
    guests = rng.random(params.shoppers) < params.guest_share
    return Shop(params, goods, _events(params, looks, rng), guests)


def _events(params: ShopParams, looks: Looks, rng: np.random.Generator) -> SimulatedEvents:
    """A look leaves one event, one put in the cart two, one bought three; never two of a shopper in one second."""
    number = np.repeat(np.arange(len(looks.item)), looks.went)
    first = np.cumsum(looks.went) - looks.went
    kind = np.arange(len(number)) - first[number]
    pause = np.where(kind == 0, rng.integers(15, 120, len(number)), rng.integers(5, 40, len(number)))
    visit = looks.visit[number]
    time = _times(params, visit, looks.shopper[number], pause, rng)
    order = np.argsort(time, kind="stable")
    order = order[time[order] < (params.first_day - EPOCH).days * DAY + params.days * DAY]  # the shop closes
    columns = (looks.shopper[number], visit, looks.item[number], kind, time)
    return SimulatedEvents(*(column[order] for column in columns))


def _times(
    params: ShopParams,
    visit: NDArray[np.int64],
    shopper: NDArray[np.int64],
    pause: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """A visit's start and the pauses since; a visit waits until the shopper's visit before it is over."""
    begins = np.flatnonzero(np.diff(visit, prepend=-1))
    starts = visit_starts(params.first_day, params.days, shopper[begins], rng)
    passed = np.cumsum(pause)
    lasted = np.diff(np.append(passed[begins], passed[-1] + 1)) + 600
    same = np.diff(shopper[begins], prepend=-1) == 0
    waited = _no_overlap(starts, lasted, same)
    return waited[visit] + passed - passed[begins][visit]


def _no_overlap(starts: NDArray[np.int64], lasted: NDArray[np.int64], same: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Each visit's start, at the earliest when the one before of the same shopper is over: a running maximum."""
    owner = np.cumsum(~same) - 1
    before = np.cumsum(lasted) - lasted
    far = owner * (2 * int(starts.max()) + int(lasted.sum()))  # keeps one shopper's maximum out of the next one's
    return np.asarray(np.maximum.accumulate(starts - before + far) + before - far)
