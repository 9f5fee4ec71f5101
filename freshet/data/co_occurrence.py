"""Count co-occurring events: pairs of one shopper's events within a few baskets, summed in chunks of bounded memory.

The sums are plain numpy: `scipy.sparse` could sum duplicates, too, but it is not a dependency, and the gateway imports
this module through its baselines.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freshet.data.history import Histories, Ints, basket_ids

MAX_PAIRS_PER_EVENT: Final = 200  # later events per event: bounds the work for a very large basket
MAX_PAIRS_PER_CHUNK: Final = 1 << 22  # pairs sorted at once: 32 MB
MAX_DENSE_CELLS: Final = 1 << 25  # up to this many cells a dense table is used: 256 MB, and several times faster

Floats = NDArray[np.float64]
PairWeights = tuple[Ints, Floats]  # distinct pair codes, ascending, and (pairs, columns) weights


def cooccurrence_pairs(
    histories: Histories, earlier_codes: Ints, n_columns: int, max_gap: int, include_same_basket: bool = True
) -> Iterator[Ints]:
    """Yield all pairs in chunks, each encoded as (earlier code · n_columns + later item) · (max_gap + 1) + gap.

    earlier_codes (N,): code of each event as the earlier one of a pair. n_columns: V + 1. The gap is the number of
    baskets between the two, at most max_gap. include_same_basket: whether two events of one basket are a pair.
    """
    basket = basket_ids(histories.times, histories.offsets)
    rows = np.arange(len(basket))
    # (N,) the row of the first later event, and the number of later events within the window
    starts = rows + 1 if include_same_basket else np.searchsorted(basket, basket, side="right")
    n_partners = np.maximum(_window_ends(histories, basket, starts, max_gap) - starts, 0)
    chunk = np.concatenate([[0], np.cumsum(n_partners)])[:-1] // MAX_PAIRS_PER_CHUNK
    for chunk_rows in np.split(rows, np.flatnonzero(np.diff(chunk)) + 1):
        earlier = np.repeat(chunk_rows, n_partners[chunk_rows])
        pair_starts = np.cumsum(n_partners[chunk_rows]) - n_partners[chunk_rows]
        later = np.arange(len(earlier)) + np.repeat(starts[chunk_rows] - pair_starts, n_partners[chunk_rows])
        pair = earlier_codes[earlier] * n_columns + histories.items[later]
        yield pair * (max_gap + 1) + basket[later] - basket[earlier]


def sum_pair_weights(pairs: Iterator[Ints], weights: Floats, n_cells: int) -> PairWeights:
    """Sum the weights of equal pairs. weights: (max_gap + 1, columns), by gap. n_cells: number of possible codes."""
    return _sum_dense(pairs, weights, n_cells) if n_cells <= MAX_DENSE_CELLS else _sum_sparse(pairs, weights)


def merge_pair_weights(one: PairWeights, other: PairWeights) -> PairWeights:
    """Return the union of both, with summed weights for pairs that are in both."""
    codes = np.concatenate([one[0], other[0]])
    order = np.argsort(codes, kind="stable")  # two sorted runs: linear time
    return _sum_equal_codes(codes[order], np.concatenate([one[1], other[1]])[order])


def top_k_per_group(groups: Ints, scores: Floats, k: int) -> tuple[Ints, Ints]:
    """Return (rows, ranks) of the k highest scores of every group, by group and descending score.

    groups (n,) must be ascending. Of equal scores the earlier row comes first. A rank counts from 0 within its group.
    """
    # One stable sort by group, then descending score: the fraction stays below 0.5, so groups do not mix.
    order = np.argsort(groups - scores / (2.1 * scores.max(initial=1.0)), kind="stable")
    ranks = np.arange(len(groups)) - np.searchsorted(groups, groups, side="left")
    is_top = ranks < k
    return order[is_top], ranks[is_top]


def _window_ends(histories: Histories, basket: Ints, starts: Ints, max_gap: int) -> Ints:
    """(N,) end of each event's window: at most max_gap baskets and MAX_PAIRS_PER_EVENT events of the same shopper."""
    owner_ends = np.repeat(histories.offsets[1:], np.diff(histories.offsets))
    basket_ends = np.searchsorted(basket, basket + max_gap, side="right")
    ends: Ints = np.minimum(np.minimum(owner_ends, basket_ends), starts + MAX_PAIRS_PER_EVENT)
    return ends


def _sum_dense(pairs: Iterator[Ints], weights: Floats, n_cells: int) -> PairWeights:
    table = np.zeros((weights.shape[1], n_cells))
    for pair_codes in pairs:
        pair, gap = np.divmod(pair_codes, len(weights))
        for column, weight in zip(table, weights.T, strict=True):
            np.add.at(column, pair, weight[gap])
    nonzero = np.flatnonzero(table.any(axis=0))
    return nonzero, table[:, nonzero].T


def _sum_sparse(pairs: Iterator[Ints], weights: Floats) -> PairWeights:
    """Sum without a dense table, for large catalogues.

    Parts are merged when they are at least half as large as the part before them, so each pair is moved a few times
    only.
    """
    parts: list[PairWeights] = [(np.zeros(0, dtype=np.int64), np.zeros((0, weights.shape[1])))]
    for pair_codes in pairs:
        parts.append(_sum_chunk(pair_codes, weights))
        while len(parts) > 1 and 2 * len(parts[-1][0]) > len(parts[-2][0]):
            parts.append(merge_pair_weights(parts.pop(), parts.pop()))
    while len(parts) > 1:
        parts.append(merge_pair_weights(parts.pop(), parts.pop()))
    return parts[0]


def _sum_chunk(pair_codes: Ints, weights: Floats) -> PairWeights:
    """Sum one chunk. Sorting plain integers is many times faster than sorting pairs with their weights."""
    pair_codes = np.sort(pair_codes)
    return _sum_equal_codes(pair_codes // len(weights), weights[pair_codes % len(weights)])


def _sum_equal_codes(codes: Ints, weights: Floats) -> PairWeights:
    """Sum the weights of equal codes; codes are ascending."""
    if len(codes) == 0:
        return codes, weights
    starts = np.concatenate([[0], np.flatnonzero(np.diff(codes)) + 1])
    return codes[starts], np.add.reduceat(weights, starts)
