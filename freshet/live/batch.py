"""Lists for many shoppers at once, from the lake's latest histories: what a gateway would show them, as arrays."""

from dataclasses import dataclass

import numpy as np

from freshet.history import Histories, Ints, model_input
from freshet.live.latest import LatestHistories
from freshet.live.ranker import Ranker
from freshet.live.scorer import Mask, Scores, chunks, rows, taken, top_k


@dataclass(frozen=True)
class Lists:
    """What S shoppers are shown, K places each, best first."""

    items: Ints  # (S, K) vocabulary index; 0 = empty place
    scores: Scores  # (S, K)
    known: Mask  # (S,) whether the model answers; else it is what is popular


def histories_between(latest: LatestHistories, index: Ints, start: int, stop: int) -> Histories:
    """The histories of the shoppers start … stop - 1, in a bundle's own indexes.

    index: (U,) the bundle's index of each of `latest.item_ids`; 0 = unknown to it.
    """
    offsets = np.asarray(latest.offsets[start : stop + 1])
    span = slice(int(offsets[0]), int(offsets[-1]))
    return Histories(
        shoppers=latest.shoppers[start:stop].astype(np.str_),
        offsets=offsets - offsets[0],
        items=index[latest.items[span]],
        types=latest.types[span].astype(np.int64),
        times=np.asarray(latest.times[span]),
        days=latest.days[span].astype(np.int64),
    )


def best_of(ranker: Ranker, histories: Histories, k: int) -> Lists:
    """The k best for each of S shoppers, without filters: what `Ranker.recommend` answers, a large batch at a time.

    Short and long histories are asked apart, so that little is computed for padding.
    """
    batch = model_input(histories, ranker.length)
    order = np.argsort(np.diff(batch.offsets), kind="stable")
    batch = taken(batch, order)
    k = min(k, ranker.width)
    items, scores = np.zeros((len(order), k), dtype=np.int64), np.zeros((len(order), k), dtype=np.float32)
    for start, stop in chunks(len(order), ranker.width):
        found = top_k(ranker.score(rows(batch, start, stop)), k)
        items[order[start:stop]], scores[order[start:stop]] = found
    known = np.zeros(len(order), dtype=bool)
    known[order] = np.diff(batch.offsets) > 0
    return Lists(items, scores, known)
