"""Ranking metrics of recommendation lists: NDCG, recall, precision, MRR, hit rate, coverage, novelty.

hits: (C, K) whether the item at each rank of a case's list (best first) is one of the case's targets.
n_targets: (C,) number of targets of the case. A target outside the vocabulary is never hit and still counts here.
"""

import numpy as np
from numpy.typing import NDArray

from freshet.data.history import Ints

Hits = NDArray[np.bool_]
Values = NDArray[np.float64]


def discounts(k: int) -> Values:
    """(k,) gain of a hit by its rank: 1 / log2(1 + rank)."""
    weights: Values = 1.0 / np.log2(np.arange(2, k + 2))
    return weights


def ndcg(hits: Hits, n_targets: Ints, k: int) -> Values:
    """(C,) DCG / ideal DCG of min(k, n_targets) hits, with binary gains (Järvelin and Kekäläinen 2002)."""
    ideal_dcg = np.concatenate([[0.0], np.cumsum(discounts(k))])[np.minimum(n_targets, k)]
    values: Values = hits[:, :k] @ discounts(hits[:, :k].shape[1]) / ideal_dcg
    return values


def recall(hits: Hits, n_targets: Ints, k: int) -> Values:
    """(C,) hits / targets. The standard form: below 1 if there are more targets than k."""
    share: Values = hits[:, :k].sum(axis=1) / n_targets
    return share


def precision(hits: Hits, k: int) -> Values:
    """(C,) hits / k, also for a list shorter than k."""
    share: Values = hits[:, :k].sum(axis=1) / k
    return share


def mrr(hits: Hits, k: int) -> Values:
    """(C,) 1 / rank of the first hit within k, 0 without a hit (Voorhees 1999)."""
    reciprocal: Values = np.reciprocal(1.0 + hits[:, :k].argmax(axis=1))
    return reciprocal * hit_rate(hits, k)


def hit_rate(hits: Hits, k: int) -> Values:
    """(C,) 1 if the list holds at least one target, else 0."""
    values: Values = hits[:, :k].any(axis=1) * np.ones(len(hits))
    return values


def coverage(lists: Ints, n_items: int) -> float:
    """Return the share of all items that are in at least one of the lists (C, k); 0 in a list is an empty slot."""
    return float(np.count_nonzero(np.unique(lists)) / max(1, n_items))


def novelty(lists: Ints, audience: Values) -> float:
    """Return the mean of −log2(audience share) over all listed items (Vargas and Castells 2011); higher = less known.

    An item without audience counts like the item with the smallest audience, so that the mean stays finite.
    """
    seen = audience[audience > 0]
    floor = float(seen.min()) if len(seen) else 1.0
    listed_items = lists[lists > 0]
    return float(-np.log2(np.maximum(audience[listed_items], floor)).mean()) if len(listed_items) else 0.0


def popularity_share(lists: Ints, head: NDArray[np.bool_]) -> float:
    """Return the share of all listed items that are in the head (V + 1,)."""
    listed_items = lists[lists > 0]
    return float(head[listed_items].mean()) if len(listed_items) else 0.0


def head_items(audience: Values) -> NDArray[np.bool_]:
    """(V + 1,) the smallest set of items that has half of the audience; of equal ones the lower indexes."""
    order = np.argsort(-audience, kind="stable")
    audience_before = np.cumsum(audience[order]) - audience[order]
    head = np.zeros(len(audience), dtype=bool)
    head[order] = (audience_before < audience.sum() / 2) & (audience[order] > 0)
    return head
