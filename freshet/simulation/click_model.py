"""What a shopper makes of a list: mostly nothing; else they go through it from the top and click what meets a wish."""

from collections.abc import Sequence
from typing import Final

import numpy as np

# Who has looked at one place of a list looks at the next: the cascade model (Craswell et al. 2008) with impatience.
P_CONTINUE: Final = 0.88
# The outside option: most people came for something else and do not look at the list at all.
P_NOTICE_LIST: Final = 0.1
# How likely a place that is looked at is clicked: what they would have gone to next, something of its category,
# something else they like, the rest.
P_CLICK_INTENDED, P_CLICK_SAME_CATEGORY, P_CLICK_FAVORITE, P_CLICK_OTHER = 0.6, 0.03, 0.01, 0.002


def click_probability(category: int, is_intended: bool, intended_category: int, favorites: Sequence[int]) -> float:
    """How likely an item is clicked once it is looked at."""
    if is_intended:
        return P_CLICK_INTENDED
    if category == intended_category:
        return P_CLICK_SAME_CATEGORY
    return P_CLICK_FAVORITE if category in favorites else P_CLICK_OTHER


def clicked_position(click_probabilities: Sequence[float], rng: np.random.Generator) -> int | None:
    """Which place of a list is clicked, from 1; None if they leave, or do not look at it.

    Two random numbers a place, looked at or not, and one for the list: the same shopper, asked about two lists of one
    length with the same numbers, differs only by the lists.
    """
    is_noticed = rng.random() < P_NOTICE_LIST
    draws = rng.random((len(click_probabilities), 2))
    for position, (p_click, (click_draw, continue_draw)) in enumerate(
        zip(click_probabilities, draws, strict=True), start=1
    ):
        if not is_noticed:
            break
        if click_draw < p_click:
            return position
        if continue_draw >= P_CONTINUE:
            break
    return None
