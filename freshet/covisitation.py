"""What goes with what: items met in the same basket, or a few baskets apart, counted and normalised.

similarity(i, j) = weight of all meetings of i and j / sqrt(count(i) · count(j))

Cosine normalisation as in item-based collaborative filtering (Sarwar et al. 2001); meetings further apart weigh less.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from freshet.history import Histories, Ints, is_target, select
from freshet.meetings import Counted, Floats, count, meetings, merged, strongest

# Chosen once, on weeks before the judged ones, for orders and clicks together: docs/evaluation.md.
NEIGHBOURS: Final = 100  # kept per item
SPAN: Final = 4  # baskets that a basket is neighbour to
DECAY: Final = 0.5  # per basket between
TOGETHER: Final = 0.3  # in one basket
BACKWARD: Final = 0.5  # from the later item to the earlier, against 1 forward


def covisitation(histories: Histories, cut: int, size: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """(neighbours, similarities), each (size, NEIGHBOURS): for every item the nearest, nearest first; 0 = none.

    Only events landed by day `cut` count, and nothing that was sent back. size: V + 1.
    """
    known = (histories.days <= cut) & (histories.items > 0) & is_target(histories.types)
    seen = select(histories, known)
    met = count(meetings(seen, seen.items, size, SPAN), meeting_weights(), size * size)
    codes, weights = _both_ways(*met, size)
    first, second = codes // size, codes % size
    counts = np.maximum(np.bincount(seen.items, minlength=size), 1)
    return _nearest(first, second, weights / np.sqrt(counts[first] * counts[second]), size)


def meeting_weights() -> Floats:
    """(SPAN + 1, 2) forward and backward weight of a meeting of two events, by the baskets between them."""
    apart = np.concatenate([[TOGETHER], DECAY ** np.arange(SPAN)])
    return np.stack([apart, np.concatenate([[TOGETHER], BACKWARD * apart[1:]])], axis=1)


def _both_ways(codes: Ints, weights: Floats, size: int) -> tuple[Ints, Floats]:
    """Forward weights of (i, j) plus backward weights of (j, i); an item does not meet itself."""
    other = codes // size != codes % size
    codes, weights = codes[other], weights[other]
    turned = codes % size * size + codes // size
    order = np.argsort(turned)
    back: Counted = (turned[order], weights[order, 1:])
    both = merged((codes, weights[:, :1]), back)
    return both[0], both[1][:, 0]


def _nearest(first: Ints, second: Ints, similarity: Floats, size: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The NEIGHBOURS most similar of every item; of equal ones the lower index. Pairs come in rising order."""
    chosen, places = strongest(first, similarity, NEIGHBOURS)
    neighbours = np.zeros((size, NEIGHBOURS), dtype=np.int32)
    scores = np.zeros((size, NEIGHBOURS), dtype=np.float32)
    neighbours[first[chosen], places] = second[chosen]
    scores[first[chosen], places] = similarity[chosen]
    return neighbours, scores
