"""What a list of recommendations is worth: short functions over hits.

hits: (C, K) whether the item at each place of a case's list (best first) is one of the case's targets.
sizes: (C,) how many targets the case has. A target the bundle does not know is never hit and stays in `sizes`.
"""

import numpy as np
from numpy.typing import NDArray

from freshet.data.history import Ints

Hits = NDArray[np.bool_]
Values = NDArray[np.float64]


def discounts(k: int) -> Values:
    """(k,) what a hit is worth by place: 1 / log2(1 + place)."""
    weights: Values = 1.0 / np.log2(np.arange(2, k + 2))
    return weights


def ndcg(hits: Hits, n_targets: Ints, k: int) -> Values:
    """(C,) DCG / the best DCG that min(k, targets) places allow, hits worth 1 (Järvelin and Kekäläinen 2002)."""
    ideal_dcg = np.concatenate([[0.0], np.cumsum(discounts(k))])[np.minimum(n_targets, k)]
    values: Values = hits[:, :k] @ discounts(hits[:, :k].shape[1]) / ideal_dcg
    return values


def recall(hits: Hits, n_targets: Ints, k: int) -> Values:
    """(C,) hits / targets. The standard form: below 1 where there are more targets than k."""
    share: Values = hits[:, :k].sum(axis=1) / n_targets
    return share


def precision(hits: Hits, k: int) -> Values:
    """(C,) hits / k, also where the list is shorter."""
    share: Values = hits[:, :k].sum(axis=1) / k
    return share


def mrr(hits: Hits, k: int) -> Values:
    """(C,) 1 / place of the first hit, 0 without one (Voorhees 1999, cut at k)."""
    reciprocal: Values = np.reciprocal(1.0 + hits[:, :k].argmax(axis=1))
    return reciprocal * hit_rate(hits, k)


def hit_rate(hits: Hits, k: int) -> Values:
    """(C,) 1 where the list holds at least one target."""
    values: Values = hits[:, :k].any(axis=1) * np.ones(len(hits))
    return values


def coverage(lists: Ints, n_items: int) -> float:
    """Share of all `items` that stand in at least one of the lists (C, k); 0 in a list is an empty place."""
    return float(np.count_nonzero(np.unique(lists)) / max(1, n_items))


def novelty(lists: Ints, audience: Values) -> float:
    """Mean of −log2(audience share) over all recommended places (Vargas and Castells 2011); higher = less known.

    An item nobody has met counts as the least met of the others, so that the mean stays finite.
    """
    seen = audience[audience > 0]
    floor = float(seen.min()) if len(seen) else 1.0
    listed_items = lists[lists > 0]
    return float(-np.log2(np.maximum(audience[listed_items], floor)).mean()) if len(listed_items) else 0.0


def popularity_share(lists: Ints, head: NDArray[np.bool_]) -> float:
    """Share of all recommended places that go to items of the `head` (V + 1,)."""
    listed_items = lists[lists > 0]
    return float(head[listed_items].mean()) if len(listed_items) else 0.0


def head_items(audience: Values) -> NDArray[np.bool_]:
    """(V + 1,) the fewest items that together have half of the audience; of equal ones those that came first."""
    order = np.argsort(-audience, kind="stable")
    audience_before = np.cumsum(audience[order]) - audience[order]
    head = np.zeros(len(audience), dtype=bool)
    head[order] = (audience_before < audience.sum() / 2) & (audience[order] > 0)
    return head
