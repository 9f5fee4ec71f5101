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

DENSE: Final = 1 << 25  # pairs of a catalogue that are counted in a plain table: 256 MB, and several times faster

Floats = NDArray[np.float64]
Counted = tuple[Ints, Floats]  # distinct pair codes, rising, and (pairs, 2) weights: forward, backward


def covisitation(histories: Histories, cut: int, size: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """(neighbours, similarities), each (size, NEIGHBOURS): for every item the nearest, nearest first; 0 = none.

    Only events landed by day `cut` count, and nothing that was sent back. size: V + 1.
    """
    known = (histories.days <= cut) & (histories.items > 0) & is_target(histories.types)
    seen = select(histories, known)
    codes, weights = _count(seen, size)
    first, second = codes // size, codes % size
    counts = np.maximum(np.bincount(seen.items, minlength=size), 1)
    return _nearest(first, second, weights / np.sqrt(counts[first] * counts[second]), size)


def meeting_weights() -> Floats:
    """(SPAN + 1, 2) forward and backward weight of a meeting of two events, by the baskets between them."""
    apart = np.concatenate([[TOGETHER], DECAY ** np.arange(SPAN)])
    return np.stack([apart, np.concatenate([[TOGETHER], BACKWARD * apart[1:]])], axis=1)


def _count(histories: Histories, size: int) -> tuple[Ints, Floats]:
    """Rising codes (first · size + second) of all pairs that met, and the summed weights from first to second."""
    meetings = _meetings(histories, size)
    if size * size <= DENSE:
        return _count_in_table(meetings, size)
    return _both_ways(*_count_by_sorting(meetings), size)


def _count_in_table(meetings: Iterator[Ints], size: int) -> tuple[Ints, Floats]:
    """For a small catalogue: a table of all pairs."""
    table = np.zeros(size * size)
    forward, backward = meeting_weights().T
    for packed in meetings:
        pair, apart = np.divmod(packed, SPAN + 1)
        np.add.at(table, pair, forward[apart])
        np.add.at(table, pair % size * size + pair // size, backward[apart])
    table[:: size + 1] = 0  # an item does not meet itself
    met = np.flatnonzero(table)
    return met, table[met]


def _count_by_sorting(meetings: Iterator[Ints]) -> Counted:
    """For a large catalogue, in which most pairs never meet: every pair once, the earlier first.

    Parts are merged when they have grown as large as what they go into, so each pair is moved a few times only.
    """
    parts: list[Counted] = [(np.zeros(0, dtype=np.int64), np.zeros((0, 2)))]
    for packed in meetings:
        parts.append(_summed(packed))
        while len(parts) > 1 and 2 * len(parts[-1][0]) > len(parts[-2][0]):
            parts.append(_merged(parts.pop(), parts.pop()))
    while len(parts) > 1:
        parts.append(_merged(parts.pop(), parts.pop()))
    return parts[0]


def _meetings(histories: Histories, size: int) -> Iterator[Ints]:
    """All meetings in chunks, each as one number: (first · size + second) · (SPAN + 1) + baskets between."""
    number = baskets(histories.times, histories.offsets)
    partners = _last_partner(histories, number) - np.arange(len(number))  # (N,) later events that each one meets
    chunk = np.concatenate([[0], np.cumsum(partners)])[:-1] // CHUNK
    for rows in np.split(np.arange(len(number)), np.flatnonzero(np.diff(chunk)) + 1):
        left = np.repeat(rows, partners[rows])
        begin = np.cumsum(partners[rows]) - partners[rows]
        right = left + 1 + np.arange(len(left)) - np.repeat(begin, partners[rows])
        pair = histories.items[left] * size + histories.items[right]
        yield pair * (SPAN + 1) + number[right] - number[left]


def _last_partner(histories: Histories, number: Ints) -> Ints:
    """(N,) the last row that each event still meets: at most SPAN baskets and CAP events on, of the same shopper."""
    owner_end = np.repeat(histories.offsets[1:], np.diff(histories.offsets)) - 1
    basket_end = np.searchsorted(number, number + SPAN, side="right") - 1
    return np.minimum(np.minimum(owner_end, basket_end), np.arange(len(number)) + CAP)


def _summed(packed: Ints) -> Counted:
    """Sorting plain integers is many times faster than sorting pairs with weights beside them."""
    packed = np.sort(packed)
    return _runs(packed // (SPAN + 1), meeting_weights()[packed % (SPAN + 1)])


def _merged(one: Counted, other: Counted) -> Counted:
    codes = np.concatenate([one[0], other[0]])
    order = np.argsort(codes, kind="stable")  # two rising runs: one pass
    return _runs(codes[order], np.concatenate([one[1], other[1]])[order])


def _runs(codes: Ints, weights: Floats) -> Counted:
    """Equal neighbours become one, their weights summed."""
    if len(codes) == 0:
        return codes, weights
    starts = np.concatenate([[0], np.flatnonzero(np.diff(codes)) + 1])
    return codes[starts], np.add.reduceat(weights, starts)


def _both_ways(codes: Ints, weights: Floats, size: int) -> tuple[Ints, Floats]:
    """Forward weights of (i, j) plus backward weights of (j, i); an item does not meet itself."""
    other = codes // size != codes % size
    codes, weights = codes[other], weights[other]
    turned = codes % size * size + codes // size
    order = np.argsort(turned)
    back = (turned[order], np.pad(weights[order, 1:], ((0, 0), (0, 1))))
    both = _merged((codes, np.pad(weights[:, :1], ((0, 0), (0, 1)))), back)
    return both[0], both[1][:, 0]


def _nearest(first: Ints, second: Ints, similarity: Floats, size: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The NEIGHBOURS most similar of every item; of equal ones the lower index. Pairs come in rising order."""
    # One stable sort by item, then falling similarity: the fraction stays below a half, so items do not mix.
    order = np.argsort(first - similarity / (2.1 * similarity.max(initial=1.0)), kind="stable")
    place = np.arange(len(first)) - np.searchsorted(first, first, side="left")
    kept = place < NEIGHBOURS
    row, column, chosen = first[kept], place[kept], order[kept]
    neighbours = np.zeros((size, NEIGHBOURS), dtype=np.int32)
    scores = np.zeros((size, NEIGHBOURS), dtype=np.float32)
    neighbours[row, column] = second[chosen]
    scores[row, column] = similarity[chosen]
    return neighbours, scores
