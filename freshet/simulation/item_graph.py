"""What one item leads to within its category: the next cheaper one, the next dearer one, the next of its brand."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freshet.simulation.product_titles import BRANDS

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

CHEAPER, DEARER, SAME_BRAND = range(3)  # rows of the tables
MAX_LINK_CANDIDATES = 3  # of the next few, the best known one is looked at
N_PRICE_BANDS: Final = 3  # price bands of a category, as many items in each: cheap, middle, dear


@dataclass(frozen=True)
class ItemGraph:
    """By place."""

    base_links: Ints  # (3, P)
    drifted_links: Ints  # (3, P) where habits have drifted
    drift_threshold: Floats  # (P,) the strength of a drift from which on a place's paths are the changed ones
    price_bands: Ints  # (P,) 0 = the cheapest third of the category


def build_item_graph(
    category: Ints, brand: Ints, prices: Floats, popularity: Floats, rng: np.random.Generator
) -> ItemGraph:
    """Usual paths follow prices, within a category or a brand of it; changed ones go as far, but follow nothing."""
    brand_group = category * len(BRANDS) + brand
    base_orders = [(category, -prices), (category, prices), (brand_group, prices)]
    drifted_orders = [(group, rng.random(len(group))) for group, _ in base_orders]
    links = [
        np.stack(
            [
                _next_popular(link_group, np.lexsort((sort_key, link_group)), popularity)
                for link_group, sort_key in orders
            ]
        )
        for orders in (base_orders, drifted_orders)
    ]
    return ItemGraph(links[0], links[1], rng.random(len(category)), _price_bands(category, prices))


def choose_link_type(
    item_graph: ItemGraph,
    prices: Floats,
    last_slot: Ints,
    previous_slot: Ints,
    price_band: Ints,
    is_comparing: NDArray[np.bool_],
) -> Ints:
    """(B,) CHEAPER, DEARER or SAME_BRAND: where a comparison goes on.

    Towards what the shopper pays; there, on in the direction of the last two looks, which must be in one category
    (`comparing`), else within the brand.
    """
    band_difference = item_graph.price_bands[last_slot] - price_band
    next_link = np.where(is_comparing, np.where(prices[last_slot] < prices[previous_slot], CHEAPER, DEARER), SAME_BRAND)
    return np.where(band_difference > 0, CHEAPER, np.where(band_difference < 0, DEARER, next_link))


def _price_bands(category: Ints, prices: Floats) -> Ints:
    order = np.lexsort((prices, category))
    ordered = category[order]
    first = np.searchsorted(ordered, ordered, side="left")
    size = np.searchsorted(ordered, ordered, side="right") - first
    bands = np.empty(len(order), np.int64)
    bands[order] = (np.arange(len(order)) - first) * N_PRICE_BANDS // size
    return bands


def _next_popular(group: Ints, order: Ints, popularity: Floats) -> Ints:
    """(P,) for every place the best known of the next NEARBY of its group in the given order, round and round."""
    ordered = group[order]
    first = np.searchsorted(ordered, ordered, side="left")
    size = np.searchsorted(ordered, ordered, side="right") - first
    rank = np.arange(len(order)) - first
    candidates = np.stack(
        [order[first + (rank + 1 + step % np.maximum(size - 1, 1)) % size] for step in range(MAX_LINK_CANDIDATES)]
    )
    next_slots = np.empty(len(order), np.int64)
    next_slots[order] = np.take_along_axis(candidates, popularity[candidates].argmax(axis=0)[None], axis=0)[0]
    return next_slots
