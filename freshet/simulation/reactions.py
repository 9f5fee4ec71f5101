"""What a shopper makes of a list: mostly nothing; else they go through it from the top and click what meets a wish."""

from collections.abc import Sequence
from typing import Final

import numpy as np

# Who has looked at one place of a list looks at the next: the cascade model (Craswell et al. 2008) with impatience.
EXAMINED: Final = 0.88
# The outside option: most people came for something else and do not look at the list at all.
NOTICED: Final = 0.1
# How likely a place that is looked at is clicked: what they would have gone to next, something of its category,
# something else they like, the rest.
WANTED, ALIKE, LIKED, OTHER = 0.6, 0.03, 0.01, 0.002


def appeal(category: int, wanted: bool, wanted_category: int, liked: Sequence[int]) -> float:
    """How likely an item is clicked once it is looked at."""
    if wanted:
        return WANTED
    if category == wanted_category:
        return ALIKE
    return LIKED if category in liked else OTHER


def clicked_place(appeals: Sequence[float], rng: np.random.Generator) -> int | None:
    """Which place of a list is clicked, from 1; None if they leave, or do not look at it.

    Two random numbers a place, looked at or not, and one for the list: the same shopper, asked about two lists of one
    length with the same numbers, differs only by the lists.
    """
    noticed = rng.random() < NOTICED
    draws = rng.random((len(appeals), 2))
    for place, (chance, (click, patience)) in enumerate(zip(appeals, draws, strict=True), start=1):
        if not noticed:
            break
        if click < chance:
            return place
        if patience >= EXAMINED:
            break
    return None
