"""What goes with what: items met in the same basket, or a few baskets apart, counted and normalised.

similarity(i, j) = weight of all meetings of i and j / sqrt(count(i) · count(j))

Cosine normalisation as in item-based collaborative filtering (Sarwar et al. 2001); meetings further apart weigh less.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from freshet.data.co_occurrence import (
    Floats,
    PairWeights,
    cooccurrence_pairs,
    merge_pair_weights,
    sum_pair_weights,
    top_k_per_group,
)
from freshet.data.history import Histories, Ints, is_target, select_events

# Chosen once, on weeks before the judged ones, for orders and clicks together: docs/evaluation.md.
N_NEIGHBOURS: Final = 100  # kept per item
MAX_BASKET_GAP: Final = 4  # baskets that a basket is neighbour to
BASKET_DECAY: Final = 0.5  # per basket between
SAME_BASKET_WEIGHT: Final = 0.3  # in one basket
BACKWARD_WEIGHT: Final = 0.5  # from the later item to the earlier, against 1 forward


def compute_item_knn(
    histories: Histories, train_until: int, vocab_size: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """(neighbours, similarities), each (size, NEIGHBOURS): for every item the nearest, nearest first; 0 = none.

    Only events landed by day `cut` count, and nothing that was sent back. size: V + 1.
    """
    is_counted = (histories.days <= train_until) & (histories.items > 0) & is_target(histories.types)
    counted = select_events(histories, is_counted)
    pair_sums = sum_pair_weights(
        cooccurrence_pairs(counted, counted.items, vocab_size, MAX_BASKET_GAP), pair_weights(), vocab_size * vocab_size
    )
    codes, weights = _symmetrize(*pair_sums, vocab_size)
    first, second = codes // vocab_size, codes % vocab_size
    counts = np.maximum(np.bincount(counted.items, minlength=vocab_size), 1)
    return _top_neighbours(first, second, weights / np.sqrt(counts[first] * counts[second]), vocab_size)


def pair_weights() -> Floats:
    """(SPAN + 1, 2) forward and backward weight of a meeting of two events, by the baskets between them."""
    by_gap = np.concatenate([[SAME_BASKET_WEIGHT], BASKET_DECAY ** np.arange(MAX_BASKET_GAP)])
    return np.stack([by_gap, np.concatenate([[SAME_BASKET_WEIGHT], BACKWARD_WEIGHT * by_gap[1:]])], axis=1)


def _symmetrize(codes: Ints, weights: Floats, vocab_size: int) -> tuple[Ints, Floats]:
    """Forward weights of (i, j) plus backward weights of (j, i); an item does not meet itself."""
    is_distinct = codes // vocab_size != codes % vocab_size
    codes, weights = codes[is_distinct], weights[is_distinct]
    reversed_codes = codes % vocab_size * vocab_size + codes // vocab_size
    order = np.argsort(reversed_codes)
    backward: PairWeights = (reversed_codes[order], weights[order, 1:])
    summed = merge_pair_weights((codes, weights[:, :1]), backward)
    return summed[0], summed[1][:, 0]


def _top_neighbours(
    first: Ints, second: Ints, similarity: Floats, vocab_size: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The NEIGHBOURS most similar of every item; of equal ones the lower index. Pairs come in rising order."""
    rows, ranks = top_k_per_group(first, similarity, N_NEIGHBOURS)
    neighbours = np.zeros((vocab_size, N_NEIGHBOURS), dtype=np.int32)
    scores = np.zeros((vocab_size, N_NEIGHBOURS), dtype=np.float32)
    neighbours[first[rows], ranks] = second[rows]
    scores[first[rows], ranks] = similarity[rows]
    return neighbours, scores
