"""What shoppers look at, one item after the other, and how far they go with it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from freshet.simulation.catalogue import Catalogue
from freshet.simulation.params import ShopParams

LOOKED, CARTED, BOUGHT = 1, 2, 3  # how far a shopper went with an item: so many events it leaves
STYLES = 3


@dataclass(frozen=True)
class Looks:
    """L looks, by shopper and in each shopper's order."""

    shopper: NDArray[np.int64]  # (L,)
    item: NDArray[np.int64]  # (L,) position in the catalogue
    went: NDArray[np.int64]  # (L,) LOOKED, CARTED or BOUGHT
    visit: NDArray[np.int64]  # (L,) number of the visit, over all shoppers


def walk(params: ShopParams, goods: Catalogue, rng: np.random.Generator) -> Looks:
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
