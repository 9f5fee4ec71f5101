"""The goods of the simulated shop: titles, prices, what is on sale when, and what goes with what.

The shop has a fixed number of *places*; on each place one item is on sale at a time. When an item is delisted, a new
one takes its place: same category, brand and make, a later mark, another price, another id.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from freshet.simulation.goods import BRANDS, CATEGORIES, title
from freshet.simulation.params import ShopParams
from freshet.simulation.paths import Paths, paths

SOME_PRICE_SPREAD = 0.35
NEW_PRICE_SPREAD = 0.1  # of the next mark against the one before
DEAREST = 0.5  # what a drift of the prices at full strength adds


@dataclass(frozen=True)
class Catalogue:
    """N items that are or were on sale, on P places. The first P are those of the first day, by place."""

    item_ids: NDArray[np.str_]  # (N,) "i0001"
    titles: NDArray[np.str_]  # (N,) "Norrland storm tent"
    categories: NDArray[np.int64]  # (N,) position in goods.CATEGORIES
    brands: NDArray[np.int64]  # (N,)
    prices: NDArray[np.float64]  # (N,) full cents
    weights: NDArray[np.float64]  # (N,) how often something fresh is this, long-tailed; sums to 1 over those on sale
    first_days: NDArray[np.int64]  # (N,) number of the first day on sale
    last_days: NDArray[np.int64]  # (N,) number of the last day on sale, past the shop's last if it never goes
    places: NDArray[np.int64]  # (N,)
    on_sale: NDArray[np.int64] = field(repr=False)  # (days + 1, P) the item on each place on each day
    paths: Paths = field(repr=False)  # what leads to what, by place

    def __len__(self) -> int:
        return len(self.item_ids)


def catalogue(params: ShopParams, rng: np.random.Generator) -> Catalogue:
    """Items spread evenly over categories; titles, prices and paths follow from category, brand and make."""
    position = np.arange(params.items)
    category, within = position % params.categories, position // params.categories
    brand, make = within % len(BRANDS), within // len(BRANDS)
    usual = np.array([price for _, _, price, _ in CATEGORIES])[category]
    prices = usual * rng.lognormal(0.0, SOME_PRICE_SPREAD, params.items)
    weights = _long_tail(params.items, rng)
    leads = paths(category, brand, prices, weights, rng)
    on_sale = _on_sale(params, rng)
    place, first, last, mark = _lives(on_sale)
    changes = rng.lognormal(0.0, NEW_PRICE_SPREAD, len(place)) ** (mark > 0)
    parts = zip(category[place], brand[place], make[place], mark, strict=True)
    return Catalogue(
        item_ids=np.array([f"i{n:04d}" for n in range(len(place))]),
        titles=np.array([title(*map(int, each)) for each in parts]),
        categories=category[place],
        brands=brand[place],
        prices=np.round(prices[place] * changes, 2),
        weights=weights[place],
        first_days=first,
        last_days=last,
        places=place,
        on_sale=on_sale,
        paths=leads,
    )


def price_factor(params: ShopParams, day: int) -> float:
    """What prices on a day are, against those of the catalogue."""
    return 1.0 + DEAREST * params.strength("prices", day)


def _long_tail(items: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Zipf weights in random order: a few items start most visits."""
    weights = 1.0 / rng.permutation(np.arange(1, items + 1)) ** 0.8
    return np.asarray(weights / weights.sum())


def _on_sale(params: ShopParams, rng: np.random.Generator) -> NDArray[np.int64]:
    """(days + 1, P): a new item takes the place of a few every day, and of many on the day of a drift."""
    table = np.empty((params.days + 1, params.items), np.int64)
    table[0] = np.arange(params.items)
    count = params.items
    for day in range(1, params.days + 1):
        goes = rng.random(params.items) < params.turnover
        swept = max((d.strength for d in params.drifts if d.kind == "catalogue" and d.day == day), default=0.0)
        if swept:
            goes |= np.random.default_rng([params.seed, 7, day]).random(params.items) < swept
        table[day] = np.where(goes, count + np.cumsum(goes) - 1, table[day - 1])
        count += int(goes.sum())
    return table


def _lives(on_sale: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """(place, first day, last day, mark) of every item, each (N,)."""
    days, places = on_sale.shape
    count = int(on_sale.max()) + 1
    place, last, mark = (np.zeros(count, np.int64) for _ in range(3))
    first, day = np.full(count, days), np.broadcast_to(np.arange(days)[:, None], on_sale.shape)
    place[on_sale] = np.arange(places)
    np.minimum.at(first, on_sale, day)
    np.maximum.at(last, on_sale, day)
    new = np.diff(on_sale, axis=0) != 0
    marks = np.concatenate([np.zeros((1, places), np.int64), np.cumsum(new, axis=0)])
    mark[on_sale] = marks
    return place, first, last, mark
