"""Exposure bias: the shop's own fixed "others also viewed" lists beside each item.

Shoppers click near the top of a list regardless of their taste, so the logged views depend in part on what was shown.
"""

from typing import Final

import numpy as np

from freshet.simulation.array_types import Floats, Ints
from freshet.simulation.item_choice import SlotGroups

RELATED_LIST_SIZE: Final = 10
P_CONTINUE: Final = 0.6  # probability of going on to the next position of the list


def build_related_lists(category: Ints, pages: SlotGroups, rng: np.random.Generator) -> Ints:
    """Return the related list of each slot (P, RELATED_LIST_SIZE): slots of its category, popular ones more often."""
    draws = rng.random((len(category), RELATED_LIST_SIZE))
    return np.stack([pages.pick(category, draws[:, position]) for position in range(RELATED_LIST_SIZE)], axis=1)


def clicked_slots(lists: Ints, slot: Ints, draw: Floats) -> Ints:
    """Return the clicked slots (B,) in the related lists of `slot`. draw: (B,) uniform in [0, 1)."""
    position = np.floor(np.log1p(-draw) / np.log(P_CONTINUE)).astype(np.int64) % RELATED_LIST_SIZE
    return np.asarray(lists[slot, position])
