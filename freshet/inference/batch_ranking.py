"""Batch ranking: top-k lists of many shoppers from the lake's latest histories, as arrays."""

from dataclasses import dataclass

import numpy as np

from freshet.data.history import Histories, Ints, model_input
from freshet.inference.latest_histories import LatestHistories
from freshet.inference.ranker import Ranker
from freshet.inference.scoring import Mask, Scores, chunk_ranges, select_histories, slice_batch, top_k


@dataclass(frozen=True)
class RankedLists:
    """The top K items of S shoppers, best first."""

    items: Ints  # (S, K) vocabulary index; 0 = empty slot
    scores: Scores  # (S, K)
    has_history: Mask  # (S,) whether the history has known items; other shoppers get popular items


def slice_histories(latest: LatestHistories, item_index: Ints, start: int, stop: int) -> Histories:
    """Return the histories of the shoppers start … stop - 1, in a bundle's vocabulary.

    item_index: (U,) the bundle's index of each of `latest.item_ids`; 0 = unknown item.
    """
    offsets = np.asarray(latest.offsets[start : stop + 1])
    rows = slice(int(offsets[0]), int(offsets[-1]))
    return Histories(
        shoppers=latest.shoppers[start:stop].astype(np.str_),
        offsets=offsets - offsets[0],
        items=item_index[latest.items[rows]],
        types=latest.types[rows].astype(np.int64),
        times=np.asarray(latest.times[rows]),
        days=latest.days[rows].astype(np.int64),
    )


def top_k_lists(ranker: Ranker, histories: Histories, k: int) -> RankedLists:
    """Return the k best items of each of S shoppers without filters, the same as `Ranker.recommend`.

    Histories are sorted by length, so that little is computed for padding.
    """
    batch = model_input(histories, ranker.max_history)
    order = np.argsort(np.diff(batch.offsets), kind="stable")
    batch = select_histories(batch, order)
    k = min(k, ranker.n_scores)
    items, scores = np.zeros((len(order), k), dtype=np.int64), np.zeros((len(order), k), dtype=np.float32)
    for start, stop in chunk_ranges(len(order), ranker.n_scores):
        top_items = top_k(ranker.score(slice_batch(batch, start, stop)), k)
        items[order[start:stop]], scores[order[start:stop]] = top_items
    has_history = np.zeros(len(order), dtype=bool)
    has_history[order] = np.diff(batch.offsets) > 0
    return RankedLists(items, scores, has_history)
