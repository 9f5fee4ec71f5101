"""Pairs of events of one shopper that lie a few baskets apart, counted without holding them all."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freshet.history import Histories, Ints, baskets

CAP: Final = 200  # events that follow an event and still count: bounds the work of one enormous basket
CHUNK: Final = 1 << 22  # pairs sorted at once: 32 MB
DENSE: Final = 1 << 25  # pairs that are counted in a plain table: 256 MB, and several times faster

Floats = NDArray[np.float64]
Counted = tuple[Ints, Floats]  # distinct pair codes, rising, and (pairs, columns) weights


def meetings(histories: Histories, first: Ints, columns: int, span: int, together: bool = True) -> Iterator[Ints]:
    """All pairs in chunks, each as one number: (first · columns + later item) · (span + 1) + baskets between.

    first (N,) is the code of each event as the earlier of a pair. columns: V + 1. span: the most baskets between.
    together: whether events of one basket meet.
    """
    number = baskets(histories.times, histories.offsets)
    rows = np.arange(len(number))
    begins = rows + 1 if together else np.searchsorted(number, number, side="right")  # (N,) first later event
    partners = np.maximum(_ends(histories, number, begins, span) - begins, 0)  # (N,) later events that each one meets
    chunk = np.concatenate([[0], np.cumsum(partners)])[:-1] // CHUNK
    for some in np.split(rows, np.flatnonzero(np.diff(chunk)) + 1):
        left = np.repeat(some, partners[some])
        before = np.cumsum(partners[some]) - partners[some]
        right = np.arange(len(left)) + np.repeat(begins[some] - before, partners[some])
        pair = first[left] * columns + histories.items[right]
        yield pair * (span + 1) + number[right] - number[left]


def count(pairs: Iterator[Ints], weights: Floats, cells: int) -> Counted:
    """Every pair once, with the sum of its weights. weights: (span + 1, columns). cells: most pairs there can be."""
    return _count_in_table(pairs, weights, cells) if cells <= DENSE else _count_by_sorting(pairs, weights)


def merged(one: Counted, other: Counted) -> Counted:
    """Both, the weights of a pair that stands in both summed."""
    codes = np.concatenate([one[0], other[0]])
    order = np.argsort(codes, kind="stable")  # two rising runs: one pass
    return _runs(codes[order], np.concatenate([one[1], other[1]])[order])


def strongest(first: Ints, strength: Floats, most: int) -> tuple[Ints, Ints]:
    """(chosen, places): the rows of the `most` strongest of every `first`, by `first` and falling strength, and the
    place of each among those of its `first`. Of equal ones the earlier row comes first. `first` rises.
    """
    # One stable sort by code, then falling strength: the fraction stays below a half, so codes do not mix.
    order = np.argsort(first - strength / (2.1 * strength.max(initial=1.0)), kind="stable")
    places = np.arange(len(first)) - np.searchsorted(first, first, side="left")
    kept = places < most
    return order[kept], places[kept]


def _ends(histories: Histories, number: Ints, begins: Ints, span: int) -> Ints:
    """(N,) the row behind the last that each event meets: `span` baskets and CAP events on, of the same shopper."""
    owner_ends = np.repeat(histories.offsets[1:], np.diff(histories.offsets))
    basket_ends = np.searchsorted(number, number + span, side="right")
    ends: Ints = np.minimum(np.minimum(owner_ends, basket_ends), begins + CAP)
    return ends


def _count_in_table(pairs: Iterator[Ints], weights: Floats, cells: int) -> Counted:
    table = np.zeros((weights.shape[1], cells))
    for packed in pairs:
        pair, apart = np.divmod(packed, len(weights))
        for column, weight in zip(table, weights.T, strict=True):
            np.add.at(column, pair, weight[apart])
    met = np.flatnonzero(table.any(axis=0))
    return met, table[:, met].T


def _count_by_sorting(pairs: Iterator[Ints], weights: Floats) -> Counted:
    """For a large catalogue, in which most pairs never meet.

    Parts are merged when they have grown as large as what they go into, so each pair is moved a few times only.
    """
    parts: list[Counted] = [(np.zeros(0, dtype=np.int64), np.zeros((0, weights.shape[1])))]
    for packed in pairs:
        parts.append(_summed(packed, weights))
        while len(parts) > 1 and 2 * len(parts[-1][0]) > len(parts[-2][0]):
            parts.append(merged(parts.pop(), parts.pop()))
    while len(parts) > 1:
        parts.append(merged(parts.pop(), parts.pop()))
    return parts[0]


def _summed(packed: Ints, weights: Floats) -> Counted:
    """Sorting plain integers is many times faster than sorting pairs with weights beside them."""
    packed = np.sort(packed)
    return _runs(packed // len(weights), weights[packed % len(weights)])


def _runs(codes: Ints, weights: Floats) -> Counted:
    """Equal neighbours become one, their weights summed."""
    if len(codes) == 0:
        return codes, weights
    starts = np.concatenate([[0], np.flatnonzero(np.diff(codes)) + 1])
    return codes[starts], np.add.reduceat(weights, starts)
