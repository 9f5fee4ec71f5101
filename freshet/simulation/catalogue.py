"""The catalogue of the simulated shop: titles, prices, categories, which item is on sale on which day, links.

The shop has a fixed number of *slots* and sells one item in each at a time. When an item is delisted, a successor
takes its slot: the same category, brand and make, a higher mark number, another price, another id.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from freshet.simulation.array_types import Floats, Ints
from freshet.simulation.item_graph import ItemGraph, build_item_graph
from freshet.simulation.params import ShopParams
from freshet.simulation.product_titles import BRANDS, CATEGORIES, item_title

ITEM_PRICE_SPREAD = 0.35
SUCCESSOR_PRICE_SPREAD = 0.1  # standard deviation of log(price of the successor / price of the first item)
MAX_PRICE_INCREASE = 0.5  # relative price increase under a `prices` drift of strength 1


@dataclass(frozen=True)
class SimulatedCatalogue:
    """N items that are or were on sale in P slots. The first P are the items of the first day, by slot."""

    item_ids: NDArray[np.str_]  # (N,) "i0001"
    titles: NDArray[np.str_]  # (N,) "Norrland storm tent"
    categories: Ints  # (N,) position in product_titles.CATEGORIES
    brands: Ints  # (N,)
    prices: Floats  # (N,) rounded to cents
    popularity: Floats  # (N,) long-tailed weight of exploring views; sums to 1 over the items on sale
    first_days: Ints  # (N,) number of the first day on sale
    last_days: Ints  # (N,) number of the last day on sale; params.days if it is never delisted
    slots: Ints  # (N,)
    on_sale: Ints = field(repr=False)  # (days + 1, P) the item in each slot on each day
    item_graph: ItemGraph = field(repr=False)  # links between items, by slot

    def __len__(self) -> int:
        return len(self.item_ids)


def generate_catalogue(params: ShopParams, rng: np.random.Generator) -> SimulatedCatalogue:
    """Return a catalogue with the items spread evenly over categories, brands and makes."""
    position = np.arange(params.items)
    category, category_index = position % params.categories, position // params.categories
    brand, make = category_index % len(BRANDS), category_index // len(BRANDS)
    base_prices = np.array([price for _, _, price, _ in CATEGORIES])[category]
    prices = base_prices * rng.lognormal(0.0, ITEM_PRICE_SPREAD, params.items)
    popularity = _zipf_weights(params.items, rng)
    item_graph = build_item_graph(category, brand, prices, popularity, rng)
    on_sale = _items_on_sale(params, rng)
    slot, first_days, last_days, mark = _item_lifetimes(on_sale)
    price_factors = rng.lognormal(0.0, SUCCESSOR_PRICE_SPREAD, len(slot)) ** (mark > 0)
    title_parts = zip(category[slot], brand[slot], make[slot], mark, strict=True)
    return SimulatedCatalogue(
        item_ids=np.array([f"i{n:04d}" for n in range(len(slot))]),
        titles=np.array([item_title(*map(int, title_part)) for title_part in title_parts]),
        categories=category[slot],
        brands=brand[slot],
        prices=np.round(prices[slot] * price_factors, 2),
        popularity=popularity[slot],
        first_days=first_days,
        last_days=last_days,
        slots=slot,
        on_sale=on_sale,
        item_graph=item_graph,
    )


def price_factor(params: ShopParams, day: int) -> float:
    """Return the factor on all catalogue prices on a day."""
    return 1.0 + MAX_PRICE_INCREASE * params.drift_strength("prices", day)


def _zipf_weights(n_items: int, rng: np.random.Generator) -> Floats:
    """Zipf weights in random order: a few items get most of the exploring views."""
    weights = 1.0 / rng.permutation(np.arange(1, n_items + 1)) ** 0.8
    return np.asarray(weights / weights.sum())


def _items_on_sale(params: ShopParams, rng: np.random.Generator) -> Ints:
    """(days + 1, P) items on sale: a few are replaced every day, many on the day of a `catalogue` drift."""
    on_sale = np.empty((params.days + 1, params.items), np.int64)
    on_sale[0] = np.arange(params.items)
    n_items = params.items
    for day in range(1, params.days + 1):
        delisted = rng.random(params.items) < params.catalogue_churn
        drift_strength = max((d.strength for d in params.drifts if d.kind == "catalogue" and d.day == day), default=0.0)
        if drift_strength:
            delisted |= np.random.default_rng([params.seed, 7, day]).random(params.items) < drift_strength
        on_sale[day] = np.where(delisted, n_items + np.cumsum(delisted) - 1, on_sale[day - 1])
        n_items += int(delisted.sum())
    return on_sale


def _item_lifetimes(on_sale: Ints) -> tuple[Ints, ...]:
    """Return (slot, first day, last day, mark number) of every item, each (N,)."""
    n_days, n_slots = on_sale.shape
    n_items = int(on_sale.max()) + 1
    slot, last_days, mark = (np.zeros(n_items, np.int64) for _ in range(3))
    first_days, day = np.full(n_items, n_days), np.broadcast_to(np.arange(n_days)[:, None], on_sale.shape)
    slot[on_sale] = np.arange(n_slots)
    np.minimum.at(first_days, on_sale, day)
    np.maximum.at(last_days, on_sale, day)
    is_replaced = np.diff(on_sale, axis=0) != 0
    marks = np.concatenate([np.zeros((1, n_slots), np.int64), np.cumsum(is_replaced, axis=0)])
    mark[on_sale] = marks
    return slot, first_days, last_days, mark
