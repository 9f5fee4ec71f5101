"""A small shop that does not exist, the same for the same seed: what its shoppers look at, put in the cart and buy.

A popularity list cannot guess what comes next, and neither can the item looked at last by itself: a shopper who
only looked goes on to an alternative, which depends on their style (the cheaper one, the dearer one, the same brand);
one who bought goes on to the accessory. Both show in the shopper's own history, in its order and its event types.
"""

from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

from freshet.simulation.catalogue import CATEGORIES, Catalogue, catalogue
from freshet.simulation.clock import DAY, EPOCH, visit_starts

LOOKED, CARTED, BOUGHT = 1, 2, 3  # how far a shopper went with an item: so many events it leaves
EVENT_NAMES = np.array(["view", "cart", "purchase"])
STYLES = 3


@dataclass(frozen=True)
class ShopParams:
    """What the shop is like. Shares are of 1."""

    seed: int = 1
    first_day: date = date(2026, 1, 5)
    days: int = 21
    shoppers: int = 2_000
    items: int = 600
    categories: int = len(CATEGORIES)
    looks: float = 20.0  # items a shopper looks at in all days: the median of a long-tailed distribution
    follow: float = 0.75  # how often the next item follows from the one before
    cart_share: float = 0.18
    buy_share: float = 0.5  # of what was put in the cart
    visit_share: float = 0.2  # how often a look begins a new visit
    guest_share: float = 0.15  # shoppers who never log in: each visit is a stranger
    late_share: float = 0.005  # events that land a day late
    duplicate_share: float = 0.004  # events delivered twice
    bad_share: float = 0.003  # rows that break the contract, on top

    def __post_init__(self) -> None:
        if not 1 <= self.categories <= len(CATEGORIES):
            raise ValueError(f"categories={self.categories}: the catalogue knows 1 to {len(CATEGORIES)}")
        if self.items < self.categories or min(self.shoppers, self.days) < 1:
            raise ValueError("a shop needs a shopper, a day, and an item in every category")


@dataclass(frozen=True)
class Looks:
    """L looks, by shopper and in each shopper's order."""

    shopper: NDArray[np.int64]  # (L,)
    item: NDArray[np.int64]  # (L,) position in the catalogue
    went: NDArray[np.int64]  # (L,) LOOKED, CARTED or BOUGHT
    visit: NDArray[np.int64]  # (L,) number of the visit, over all shoppers


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
    looks = _looks(params, goods, rng)
    guests = rng.random(params.shoppers) < params.guest_share
    return Shop(params, goods, _events(params, looks, rng), guests)


def _looks(params: ShopParams, goods: Catalogue, rng: np.random.Generator) -> Looks:
    """Every shopper's looks, one step of all shoppers at a time."""
    wanted = np.clip(rng.lognormal(np.log(params.looks), 0.8, params.shoppers), 2, 10 * params.looks).astype(np.int64)
    style, likes = rng.integers(STYLES, size=params.shoppers), _likes(params, rng)
    steps, size = int(wanted.max()), params.shoppers
    item, went = np.empty((steps, size), np.int64), np.empty((steps, size), np.int64)
    for step in range(steps):
        fresh = _fresh(goods, likes, rng)
        item[step] = fresh if step == 0 else _next(params, goods, style, item[step - 1], went[step - 1], fresh, rng)
        went[step] = _outcomes(params, size, rng)
    taken = np.arange(steps) < wanted[:, None]  # (shoppers, steps)
    shopper = np.repeat(np.arange(size), wanted)
    begins = rng.random(len(shopper)) < params.visit_share
    begins[np.cumsum(wanted) - wanted] = True
    return Looks(shopper, item.T[taken], went.T[taken], np.cumsum(begins) - 1)


def _likes(params: ShopParams, rng: np.random.Generator) -> NDArray[np.int64]:
    """(shoppers, 3): the categories a shopper comes for; a few are everybody's favourites."""
    popular = 1.0 / np.arange(1, params.categories + 1) ** 0.7
    return rng.choice(params.categories, size=(params.shoppers, 3), p=popular / popular.sum())


def _fresh(goods: Catalogue, likes: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """An item of a category each shopper likes, by its weight: the inverse of the category's running sum."""
    category = likes[np.arange(len(likes)), rng.integers(likes.shape[1], size=len(likes))]
    order = np.argsort(goods.categories, kind="stable")
    edges = np.concatenate([[0.0], np.cumsum(goods.weights[order])])
    bounds = np.searchsorted(goods.categories[order], np.arange(goods.categories.max() + 2))
    low, high = edges[bounds[category]], edges[bounds[category + 1]]
    place = np.searchsorted(edges, low + rng.random(len(likes)) * (high - low), side="right") - 1
    return np.asarray(order[np.clip(place, bounds[category], bounds[category + 1] - 1)])


def _next(
    params: ShopParams,
    goods: Catalogue,
    style: NDArray[np.int64],
    item: NDArray[np.int64],
    went: NDArray[np.int64],
    fresh: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """The chain, or something fresh."""
    chain = np.where(went == BOUGHT, goods.accessories[item], goods.alternatives[style, item])
    return np.where(rng.random(len(item)) < params.follow, chain, fresh)


def _outcomes(params: ShopParams, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    carted = rng.random(size) < params.cart_share
    return np.where(carted, np.where(rng.random(size) < params.buy_share, BOUGHT, CARTED), LOOKED)


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
