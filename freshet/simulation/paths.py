"""What one item leads to within its category: the next cheaper one, the next dearer one, the next of its brand."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freshet.simulation.goods import BRANDS

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

CHEAPER, DEARER, SAME_BRAND = range(3)  # rows of the tables
NEARBY = 3  # of the next few, the best known one is looked at
BUDGETS: Final = 3  # price bands of a category, as many items in each: cheap, middle, dear


@dataclass(frozen=True)
class Paths:
    """By place."""

    usual: Ints  # (3, P)
    changed: Ints  # (3, P) where habits have drifted
    steadiness: Floats  # (P,) the strength of a drift from which on a place's paths are the changed ones
    bands: Ints  # (P,) 0 = the cheapest third of the category


def paths(category: Ints, brand: Ints, prices: Floats, weights: Floats, rng: np.random.Generator) -> Paths:
    """Usual paths follow prices, within a category or a brand of it; changed ones go as far, but follow nothing."""
    of_brand = category * len(BRANDS) + brand
    usual = [(category, -prices), (category, prices), (of_brand, prices)]
    changed = [(group, rng.random(len(group))) for group, _ in usual]
    along = [np.stack([_on(g, np.lexsort((by, g)), weights) for g, by in kinds]) for kinds in (usual, changed)]
    return Paths(along[0], along[1], rng.random(len(category)), _bands(category, prices))


def next_row(
    paths: Paths, prices: Floats, last: Ints, previous: Ints, budget: Ints, comparing: NDArray[np.bool_]
) -> Ints:
    """(B,) CHEAPER, DEARER or SAME_BRAND: where a comparison goes on.

    Towards what the shopper pays; there, on in the direction of the last two looks, which must be in one category
    (`comparing`), else within the brand.
    """
    towards = paths.bands[last] - budget
    onward = np.where(comparing, np.where(prices[last] < prices[previous], CHEAPER, DEARER), SAME_BRAND)
    return np.where(towards > 0, CHEAPER, np.where(towards < 0, DEARER, onward))


def _bands(category: Ints, prices: Floats) -> Ints:
    order = np.lexsort((prices, category))
    ordered = category[order]
    first = np.searchsorted(ordered, ordered, side="left")
    size = np.searchsorted(ordered, ordered, side="right") - first
    bands = np.empty(len(order), np.int64)
    bands[order] = (np.arange(len(order)) - first) * BUDGETS // size
    return bands


def _on(group: Ints, order: Ints, weights: Floats) -> Ints:
    """(P,) for every place the best known of the next NEARBY of its group in the given order, round and round."""
    ordered = group[order]
    first = np.searchsorted(ordered, ordered, side="left")
    size = np.searchsorted(ordered, ordered, side="right") - first
    at = np.arange(len(order)) - first
    ahead = np.stack([order[first + (at + 1 + step % np.maximum(size - 1, 1)) % size] for step in range(NEARBY)])
    following = np.empty(len(order), np.int64)
    following[order] = np.take_along_axis(ahead, weights[ahead].argmax(axis=0)[None], axis=0)[0]
    return following
