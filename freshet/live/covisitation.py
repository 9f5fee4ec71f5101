"""What goes with what: items met in the same basket, or a few baskets apart, counted and normalised.

similarity(i, j) = weight of all meetings of i and j / sqrt(count(i) · count(j))

Cosine normalisation as in item-based collaborative filtering (Sarwar et al. 2001); meetings further apart weigh less.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freshet.history import Histories, Ints, baskets, is_target, select

# Chosen once, on weeks before the judged ones, for orders and clicks together: docs/evaluation.md.
NEIGHBOURS: Final = 100  # kept per item
SPAN: Final = 4  # baskets that a basket is neighbour to
DECAY: Final = 0.5  # per basket between
TOGETHER: Final = 0.3  # in one basket
BACKWARD: Final = 0.5  # from the later item to the earlier, against 1 forward
CAP: Final = 200  # events that follow an event and still count: bounds the work of one enormous basket
CHUNK: Final = 1 << 22  # pairs sorted at once: 32 MB

Counted = tuple[Ints, NDArray[np.float64]]  # distinct pair codes, rising, and their weights


def covisitation(histories: Histories, cut: int, size: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """(neighbours, similarities), each (size, NEIGHBOURS): for every item the nearest, nearest first; 0 = none.

    Only events landed by day `cut` count. size: V + 1.
    """
    known = (histories.days <= cut) & (histories.items > 0) & is_target(histories.types)
    seen = select(histories, known)
    codes, weights = _count(seen, size)
    first, second = codes // size, codes % size
    counts = np.maximum(np.bincount(seen.items, minlength=size), 1)
    return _nearest(first, second, weights / np.sqrt(counts[first] * counts[second]), size)


def pair_weights() -> NDArray[np.float64]:
    """(2 · (SPAN + 1),) the weight of a meeting by its kind: 2 · baskets apart, + 1 from the later to the earlier."""
    apart = np.concatenate([[TOGETHER], DECAY ** np.arange(SPAN)])
    backward = np.concatenate([[TOGETHER], BACKWARD * apart[1:]])
    return np.stack([apart, backward], axis=1).ravel()


def _count(histories: Histories, size: int) -> Counted:
    """Every pair of items that met, with the summed weight of its meetings.

    Parts are merged when they have grown as large as what they are merged into, so each pair is moved a few times only.
    """
    parts: list[Counted] = []
    for packed in _pairs(histories, size):
        parts.append(_summed(packed))
        while len(parts) > 1 and 2 * len(parts[-1][0]) > len(parts[-2][0]):
            parts.append(_merged(parts.pop(), parts.pop()))
    while len(parts) > 1:
        parts.append(_merged(parts.pop(), parts.pop()))
    return parts[0] if parts else (np.zeros(0, np.int64), np.zeros(0))


def _pairs(histories: Histories, size: int) -> Iterator[Ints]:
    """Meetings in chunks, each as one number: (first · size + second) · kinds + kind."""
    number = baskets(histories.times, histories.offsets)
    partners = _last_partner(histories, number) - np.arange(len(number))  # (N,) events after each that it meets
    chunk = np.concatenate([[0], np.cumsum(partners)]) // CHUNK
    borders = np.flatnonzero(np.diff(chunk)) + 1
    for rows in np.split(np.arange(len(number)), borders):
        left = np.repeat(rows, partners[rows])
        begin = np.concatenate([[0], np.cumsum(partners[rows])])[:-1]
        right = left + 1 + np.arange(len(left)) - np.repeat(begin, partners[rows])
        apart = number[right] - number[left]
        a, b = histories.items[left], histories.items[right]
        yield _packed(a, b, 2 * apart, size)
        back = a != b  # an item bought again meets itself once, not twice
        yield _packed(b[back], a[back], 2 * apart[back] + 1, size)


def _last_partner(histories: Histories, number: Ints) -> Ints:
    """(N,) the last row that each event still meets: at most SPAN baskets and CAP events on, of the same shopper."""
    owner_end = np.repeat(histories.offsets[1:], np.diff(histories.offsets)) - 1
    basket_end = np.searchsorted(number, number + SPAN, side="right") - 1
    return np.minimum(np.minimum(owner_end, basket_end), np.arange(len(number)) + CAP)


def _packed(first: Ints, second: Ints, kind: Ints, size: int) -> Ints:
    return (first * size + second) * len(pair_weights()) + kind


def _summed(packed: Ints) -> Counted:
    """Sorting plain integers is many times faster than sorting pairs with weights beside them."""
    packed = np.sort(packed)
    kinds = len(pair_weights())
    return _runs(packed // kinds, pair_weights()[packed % kinds])


def _merged(one: Counted, other: Counted) -> Counted:
    codes = np.concatenate([one[0], other[0]])
    order = np.argsort(codes, kind="stable")  # two rising runs: one pass
    return _runs(codes[order], np.concatenate([one[1], other[1]])[order])


def _runs(codes: Ints, weights: NDArray[np.float64]) -> Counted:
    """Equal neighbours become one, their weights summed."""
    if len(codes) == 0:
        return codes, weights
    starts = np.concatenate([[0], np.flatnonzero(np.diff(codes)) + 1])
    return codes[starts], np.add.reduceat(weights, starts)


def _nearest(
    first: Ints, second: Ints, similarity: NDArray[np.float64], size: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The NEIGHBOURS most similar of every item; of equal ones the lower index."""
    order = np.lexsort((second, -similarity, first))
    first, second, similarity = first[order], second[order], similarity[order]
    place = np.arange(len(first)) - np.searchsorted(first, first, side="left")
    kept = (place < NEIGHBOURS) & (first != second)
    neighbours = np.zeros((size, NEIGHBOURS), dtype=np.int32)
    scores = np.zeros((size, NEIGHBOURS), dtype=np.float32)
    neighbours[first[kept], place[kept]] = second[kept]
    scores[first[kept], place[kept]] = similarity[kept]
    return neighbours, scores
