"""Item-kNN: item-to-item similarities from co-occurrence in the same basket or a few baskets apart.

similarity(i, j) = sum of the weights of all co-occurrences of i and j / sqrt(count(i) · count(j))

Cosine normalisation as in item-based collaborative filtering (Sarwar et al. 2001); co-occurrences further apart weigh
less.
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

# Tuned on weeks before the evaluation weeks, on orders and clicks together: docs/evaluation.md.
N_NEIGHBOURS: Final = 100  # per item
MAX_BASKET_GAP: Final = 4  # co-occurrence reaches this many baskets
BASKET_DECAY: Final = 0.5  # per basket in between
SAME_BASKET_WEIGHT: Final = 0.3  # weight of a co-occurrence within a basket
BACKWARD_WEIGHT: Final = 0.5  # weight from the later to the earlier item; forward is 1


def compute_item_knn(
    histories: Histories, train_until: int, vocab_size: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return (neighbours, similarities), each (vocab_size, N_NEIGHBOURS), most similar first; 0 = none.

    Only events up to landing day `train_until` count, without returns. vocab_size: V + 1.
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
    """Return (MAX_BASKET_GAP + 1, 2) forward and backward weights of a co-occurrence, by the gap in baskets."""
    by_gap = np.concatenate([[SAME_BASKET_WEIGHT], BASKET_DECAY ** np.arange(MAX_BASKET_GAP)])
    return np.stack([by_gap, np.concatenate([[SAME_BASKET_WEIGHT], BACKWARD_WEIGHT * by_gap[1:]])], axis=1)


def _symmetrize(codes: Ints, weights: Floats, vocab_size: int) -> tuple[Ints, Floats]:
    """Add the backward weights of (j, i) to the forward weights of (i, j); drop pairs of an item with itself."""
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
    """Return the N_NEIGHBOURS most similar items of every item; of equal ones the lower index. Pairs are ascending."""
    rows, ranks = top_k_per_group(first, similarity, N_NEIGHBOURS)
    neighbours = np.zeros((vocab_size, N_NEIGHBOURS), dtype=np.int32)
    scores = np.zeros((vocab_size, N_NEIGHBOURS), dtype=np.float32)
    neighbours[first[rows], ranks] = second[rows]
    scores[first[rows], ranks] = similarity[rows]
    return neighbours, scores
