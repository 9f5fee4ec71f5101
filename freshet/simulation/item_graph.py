"""The item graph: links from each item to a cheaper one, a dearer one and one of its brand, within its category."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from freshet.simulation.array_types import Bools, Floats, Ints
from freshet.simulation.product_titles import BRANDS

CHEAPER, DEARER, SAME_BRAND = range(3)  # rows of the link tables
MAX_LINK_CANDIDATES = 3  # a link goes to the most popular of the next few items
N_PRICE_BANDS: Final = 3  # price bands with equally many items of a category: cheap, middle, dear


@dataclass(frozen=True)
class ItemGraph:
    """Links by slot."""

    base_links: Ints  # (3, P)
    drifted_links: Ints  # (3, P) after a habit drift
    drift_threshold: Floats  # (P,) a slot's links change once the habit drift is stronger than this
    price_bands: Ints  # (P,) 0 = the cheapest third of the category


def build_item_graph(
    category: Ints, brand: Ints, prices: Floats, popularity: Floats, rng: np.random.Generator
) -> ItemGraph:
    """Return the links: by price within a category or a brand of it; in random order after a habit drift."""
    brand_group = category * len(BRANDS) + brand
    base_orders = [(category, -prices), (category, prices), (brand_group, prices)]
    drifted_orders = [(group, rng.random(len(group))) for group, _ in base_orders]
    links = [
        np.stack(
            [
                next_popular_slots(link_group, np.lexsort((sort_key, link_group)), popularity)
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
    is_comparing: Bools,
) -> Ints:
    """Return CHEAPER, DEARER or SAME_BRAND (B,): the direction in which a shopper goes on comparing.

    Towards the shopper's price band. Within it, in the direction of the last two views if both are of one category
    (`is_comparing`), else to the same brand.
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


def next_popular_slots(group: Ints, order: Ints, popularity: Floats) -> Ints:
    """Return for every slot (P,) the most popular of the next MAX_LINK_CANDIDATES in its group, in cyclic order."""
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
