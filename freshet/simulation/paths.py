"""What is looked at next, after what: the order in the shop that only a shopper's own history shows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from freshet.simulation.goods import BRANDS

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

STYLES = 3  # of shoppers: on to the cheaper, on to the dearer, on within the brand
ACCESSORY = 3  # row of the item that is looked at after one was bought
NEARBY = 5  # of the next few, the best known one is looked at
FAR = 7  # categories: where an accessory is found once habits have changed


@dataclass(frozen=True)
class Paths:
    """By place: row k < STYLES is what style k looks at after looking, row ACCESSORY what all do after buying."""

    usual: Ints  # (4, P)
    changed: Ints  # (4, P) where habits have drifted
    steadiness: Floats  # (P,) the strength of a drift from which on a place's paths are the changed ones


def paths(
    category: Ints, brand: Ints, make: Ints, prices: Floats, weights: Floats, categories: int, rng: np.random.Generator
) -> Paths:
    """Usual paths follow prices, within a category or a brand; changed ones go as far, but follow nothing."""
    usual = [(category, -prices), (category, prices), (brand, prices)]
    changed = [(group, rng.random(len(group))) for group, _ in usual]
    along = [[_on(g, np.lexsort((by, g)), weights) for g, by in kinds] for kinds in (usual, changed)]
    return Paths(
        np.stack([*along[0], _elsewhere(category, brand, make, categories, 1)]),
        np.stack([*along[1], _elsewhere(category, brand, make, categories, FAR)]),
        rng.random(len(category)),
    )


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


def _elsewhere(category: Ints, brand: Ints, make: Ints, categories: int, far: int) -> Ints:
    """(P,) the place of the same brand and make, some categories on; the first there if there is none."""
    following = (category + far) % categories
    wanted = (make * len(BRANDS) + brand) * categories + following
    return np.where(wanted < len(category), wanted, following)
