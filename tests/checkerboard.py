"""A checkerboard shop: even shoppers buy even items, odd shoppers odd ones; every basket is one item, a day apart."""

import numpy as np

from freshet.data.history import Histories
from freshet.data.training_set import TrainingSet
from freshet.data.vocabulary import Vocabulary

N_ITEMS, N_SHOPPERS, N_EVENTS = 8, 40, 10


def vocabulary_of(items: int) -> Vocabulary:
    numbers = range(1, items + 1)
    titles = ["", *(f"{'even' if n % 2 == 0 else 'odd'} cup {n}" for n in numbers)]
    ids, categories = ["", *(f"i{n}" for n in numbers)], ["", *("cups" for _ in numbers)]
    prices = np.array([np.nan, *(2.0 for _ in numbers)])
    return Vocabulary(np.array(ids), np.array(titles), np.array(categories), prices, np.zeros(items + 1, dtype=bool))


def histories_of(rows: list[list[tuple[int, int]]], types: list[list[int]] | None = None) -> Histories:
    """A list of (item, second) per shopper; landed on the day it happened; purchases unless said otherwise."""
    offsets = np.cumsum([0, *(len(r) for r in rows)])
    items, times = np.array([pair for r in rows for pair in r], dtype=np.int64).reshape(-1, 2).T
    kinds = np.full(len(items), 3) if types is None else np.array([t for r in types for t in r])
    names = np.array([f"s{n}" for n in range(len(rows))])
    return Histories(names, offsets, items, kinds.astype(np.int64), times, times // 86400)


def training_set_of(histories: Histories, vocabulary: Vocabulary, train_until: int) -> TrainingSet:
    popularity = np.bincount(histories.items, minlength=len(vocabulary) + 1).astype(float)
    zeros = np.zeros(len(histories), dtype=np.int64)
    return TrainingSet(
        histories, vocabulary, popularity, popularity * 0, zeros, zeros, zeros, train_until, train_until + 1
    )


def checkerboard_set() -> TrainingSet:
    """400 baskets of one item; what comes next is one of the four items of the shopper's colour."""
    rng = np.random.default_rng(0)
    rows = [
        [(int(2 * rng.integers(N_ITEMS // 2) + 2 - s % 2), 86400 * day) for day in range(1, N_EVENTS + 1)]
        for s in range(N_SHOPPERS)
    ]
    return training_set_of(histories_of(rows), vocabulary_of(N_ITEMS), train_until=N_EVENTS)
