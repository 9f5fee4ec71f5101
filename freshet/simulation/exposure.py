"""What the shop itself shows: "others also looked at", a list that an old recommender made once and for all.

Shoppers click what stands at its top, whatever their taste: what a model learns from is in part what was shown.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from freshet.simulation.item_choice import SlotGroups

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

RELATED_LIST_SIZE: Final = 10
P_CONTINUE: Final = 0.6  # of those who come to a place of the list go on to the next one


def build_related_lists(category: Ints, pages: SlotGroups, rng: np.random.Generator) -> Ints:
    """(P, LISTED) the list beside each item: the best known of its category more often than others."""
    draws = rng.random((len(category), RELATED_LIST_SIZE))
    return np.stack([pages.pick(category, draws[:, position]) for position in range(RELATED_LIST_SIZE)], axis=1)


def clicked_slots(lists: Ints, slot: Ints, draw: Floats) -> Ints:
    """(B,) what is clicked in the lists beside `place`. draw: (B,) uniform in [0, 1)."""
    position = np.floor(np.log1p(-draw) / np.log(P_CONTINUE)).astype(np.int64) % RELATED_LIST_SIZE
    return np.asarray(lists[slot, position])
