"""A judging held against the second count: the same baskets, the same items, the same figures."""

import math
from collections.abc import Set as AbstractSet
from itertools import pairwise
from typing import Final

import numpy as np

from freshet.cases import Cases
from freshet.judge.comparison import Comparison
from freshet.stages.recount import Basket, Recount
from freshet.training_set import TrainingSet

SAMPLE: Final = 200  # baskets whose figures are worked out again
CLOSE: Final = 1e-9


def unlike(count: Recount, cases: Cases, data: TrainingSet) -> list[str]:
    """In words, every basket that is asked for and not in the events, or the other way round, or with other items.

    cases: all of them. A shopper of whom the training set has left out the oldest events is passed over.
    """
    asked = dict(zip(_names(cases), _items(cases, data), strict=True))
    known, cut_short = _known(data), _cut_short(count, data)
    differences = []
    for shopper, second in sorted({*asked, *count.baskets}):
        items = _in_words(count.baskets.get((shopper, second), frozenset()), known)
        if shopper not in cut_short and asked.get((shopper, second), frozenset()) != items:
            differences.append(f"shopper {shopper} at second {second}")
    return differences


def misjudged(count: Recount, cases: Cases, comparison: Comparison, data: TrainingSet, k: int) -> list[str]:
    """In words, every figure of a sample of baskets that is not what the lists and the events give by hand.

    cases: those that were asked for, as `comparison` has them.
    """
    chosen = sorted(set(np.linspace(0, len(cases) - 1, min(SAMPLE, len(cases))).astype(int).tolist()))
    names, ids, known = _names(cases), data.vocabulary.item_ids, _known(data)
    mismatches = []
    for scorer, scores in comparison.scores.items():
        figures = scores.per_case(k)[f"ndcg@{k}"]
        for case in chosen:
            wanted = _in_words(count.baskets.get(names[case], frozenset()), known)
            by_hand = plain_ndcg([str(ids[item]) for item in scores.lists[case, :k]], wanted, k)
            if not abs(figures[case] - by_hand) <= CLOSE:
                mismatches.append(f"{scorer} for shopper {names[case][0]}: {figures[case]:.4f}, by hand {by_hand:.4f}")
    return mismatches


def plain_ndcg(answer: list[str], wanted: AbstractSet[str], k: int) -> float:
    """NDCG of one list, place by place; "" among the wanted is an item that no list can hold."""
    worth = [1 / math.log2(1 + place) for place in range(1, k + 1)]
    gained = sum(value for value, item in zip(worth, answer, strict=False) if item and item in wanted)
    best = sum(worth[: len(wanted)])
    return gained / best if best else math.nan


def _names(cases: Cases) -> list[Basket]:
    shoppers, times = cases.histories.shoppers[cases.owners], cases.histories.times[cases.ends]
    return [(str(shopper), int(time)) for shopper, time in zip(shoppers, times, strict=True)]


def _items(cases: Cases, data: TrainingSet) -> list[frozenset[str]]:
    """The items of each case; "" stands for all that the vocabulary does not know."""
    ids, offsets = data.vocabulary.item_ids[cases.targets].tolist(), cases.target_offsets
    return [frozenset(ids[start:stop]) for start, stop in pairwise(offsets)]


def _in_words(items: AbstractSet[str], known: AbstractSet[str]) -> frozenset[str]:
    return frozenset(item if item in known else "" for item in items)


def _known(data: TrainingSet) -> frozenset[str]:
    return frozenset(map(str, data.vocabulary.item_ids[1:]))


def _cut_short(count: Recount, data: TrainingSet) -> frozenset[str]:
    """Shoppers with as many events in the training set as any has there, and more in the events."""
    sizes = np.diff(data.histories.offsets)
    longest = int(sizes.max(initial=0))
    heavy = data.histories.shoppers[sizes == longest]
    return frozenset(str(shopper) for shopper in heavy if count.events[str(shopper)] > longest)
