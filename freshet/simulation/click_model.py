"""The click model: whether a shopper notices a list of recommendations, and which item they click (cascade model)."""

from collections.abc import Sequence
from typing import Final

import numpy as np

# Probability of examining the next position after one without a click: the cascade model (Craswell et al. 2008).
P_CONTINUE: Final = 0.88
# Probability that the list is examined at all: the outside option.
P_NOTICE_LIST: Final = 0.1
# Click probability of an examined item: the item the shopper intends to view next, another of its category, another
# of a favourite category, any other.
P_CLICK_INTENDED, P_CLICK_SAME_CATEGORY, P_CLICK_FAVORITE, P_CLICK_OTHER = 0.6, 0.03, 0.01, 0.002


def click_probability(category: int, is_intended: bool, intended_category: int, favorites: Sequence[int]) -> float:
    """Return the click probability of an examined item."""
    if is_intended:
        return P_CLICK_INTENDED
    if category == intended_category:
        return P_CLICK_SAME_CATEGORY
    return P_CLICK_FAVORITE if category in favorites else P_CLICK_OTHER


def clicked_position(click_probabilities: Sequence[float], rng: np.random.Generator) -> int | None:
    """Return the clicked position, from 1; None without a click.

    It always draws two random numbers per position and one for the list, so with the same generator state the
    outcomes of two lists of equal length differ only by the lists (common random numbers).
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
