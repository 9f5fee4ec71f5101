"""The goods of the shop that does not exist: an outdoor shop, its titles, prices and what goes with what."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# In the order in which one thing leads to the next: who buys a tent looks for a sleeping bag, then for a mat.
CATEGORIES = (
    ("tents", "tent", 240.0),
    ("sleeping bags", "sleeping bag", 140.0),
    ("mats", "mat", 70.0),
    ("stoves", "stove", 60.0),
    ("fuel", "gas cartridge", 8.0),
    ("cookware", "cook set", 35.0),
    ("mugs", "mug", 14.0),
    ("bottles", "bottle", 22.0),
    ("filters", "water filter", 45.0),
    ("torches", "head torch", 38.0),
    ("backpacks", "backpack", 150.0),
    ("rain jackets", "rain jacket", 180.0),
    ("fleeces", "fleece", 75.0),
    ("base layers", "base layer", 48.0),
    ("trousers", "trousers", 85.0),
    ("boots", "boots", 170.0),
    ("socks", "socks", 17.0),
    ("gaiters", "gaiters", 42.0),
    ("poles", "trekking poles", 80.0),
    ("maps", "map case", 19.0),
)
BRANDS = ("Norrland", "Alpino", "Brezza", "Kestrel", "Tarn", "Firnline")
MAKES = ("light", "classic", "storm", "compact", "expedition", "trail", "winter", "summit")


@dataclass(frozen=True)
class Catalogue:
    """N items. Positions 0…N-1 stand for items; categories 0…C-1; brands 0…B-1."""

    item_ids: NDArray[np.str_]  # (N,) "i0001"
    titles: NDArray[np.str_]  # (N,) "Norrland storm tent"
    categories: NDArray[np.int64]  # (N,)
    brands: NDArray[np.int64]  # (N,)
    prices: NDArray[np.float64]  # (N,) full cents
    weights: NDArray[np.float64]  # (N,) how often a visit starts here; sums to 1, long-tailed
    alternatives: NDArray[np.int64]  # (3, N) what each style of shopper looks at next: cheaper, dearer, same brand
    accessories: NDArray[np.int64]  # (N,) what is looked at after this was bought: next category, same brand

    def __len__(self) -> int:
        return len(self.item_ids)


def catalogue(items: int, categories: int, rng: np.random.Generator) -> Catalogue:
    """Items spread evenly over categories; titles, prices and chains follow from category, brand and make."""
    position = np.arange(items)
    category, within = position % categories, position // categories
    brand, make = within % len(BRANDS), within // len(BRANDS)
    prices = _prices(category, rng)
    return Catalogue(
        item_ids=np.array([f"i{n:04d}" for n in position]),
        titles=np.array([_title(*map(int, parts)) for parts in zip(category, brand, make, strict=True)]),
        categories=category,
        brands=brand,
        prices=prices,
        weights=_long_tail(items, rng),
        alternatives=_alternatives(category, brand, prices),
        accessories=_accessories(category, brand, make, categories),
    )


def _title(category: int, brand: int, make: int) -> str:
    number = f" {make // len(MAKES) + 1}" if make >= len(MAKES) else ""
    return f"{BRANDS[brand]} {MAKES[make % len(MAKES)]} {CATEGORIES[category][1]}{number}"


def _prices(category: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
    usual = np.array([price for _, _, price in CATEGORIES])[category]
    return np.round(usual * rng.lognormal(0.0, 0.35, len(category)), 2)


def _long_tail(items: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Zipf weights in random order: a few items start most visits."""
    weights = 1.0 / rng.permutation(np.arange(1, items + 1)) ** 0.8
    return np.asarray(weights / weights.sum())


def _alternatives(
    category: NDArray[np.int64], brand: NDArray[np.int64], prices: NDArray[np.float64]
) -> NDArray[np.int64]:
    """(3, N): the neighbour below and above by price within the category, and the next one of the brand in it."""
    by_price = _ring(category, np.lexsort((prices, category)))
    by_brand = category * len(BRANDS) + brand
    cheaper = np.empty_like(by_price)
    cheaper[by_price] = np.arange(len(by_price))
    return np.stack([cheaper, by_price, _ring(by_brand, np.lexsort((prices, by_brand)))])


def _ring(group: NDArray[np.int64], order: NDArray[np.intp]) -> NDArray[np.int64]:
    """For every item the next one of its group in the given order; the last leads to the first."""
    ordered = group[order]
    first = np.searchsorted(ordered, ordered, side="left")
    last = np.searchsorted(ordered, ordered, side="right") - 1
    place = np.arange(len(order))
    following = np.empty(len(order), np.int64)
    following[order] = order[np.where(place == last, first, place + 1)]
    return following


def _accessories(
    category: NDArray[np.int64], brand: NDArray[np.int64], make: NDArray[np.int64], categories: int
) -> NDArray[np.int64]:
    """For every item the one of the same brand and make in the next category; the first there if there is none."""
    following = (category + 1) % categories
    wanted = (make * len(BRANDS) + brand) * categories + following
    return np.where(wanted < len(category), wanted, following)
