"""Compare an evaluation with the recount: the same baskets, the same items, the same NDCG."""

import math
from collections.abc import Set as AbstractSet
from itertools import pairwise
from typing import Final

import numpy as np

from freshet.data.eval_cases import EvalCases
from freshet.data.training_set import TrainingSet
from freshet.evaluation.comparison import Comparison
from freshet.steps.evaluation.recount import BasketKey, CaseRecount

METRIC_SAMPLE_CASES: Final = 200  # baskets whose NDCG is computed again
METRIC_TOLERANCE: Final = 1e-9


def find_case_mismatches(case_recount: CaseRecount, cases: EvalCases, data: TrainingSet) -> list[str]:
    """Describe every basket that is only in the cases, only in the events, or has other items.

    cases: all of them. Shoppers whose oldest events are not in the training set are skipped.
    """
    items_by_case = dict(zip(_case_keys(cases), _case_items(cases, data), strict=True))
    known_items, truncated_shoppers = _known_items(data), _truncated_shoppers(case_recount, data)
    mismatches = []
    for shopper, second in sorted({*items_by_case, *case_recount.baskets}):
        items = _mask_unknown(case_recount.baskets.get((shopper, second), frozenset()), known_items)
        if shopper not in truncated_shoppers and items_by_case.get((shopper, second), frozenset()) != items:
            mismatches.append(f"shopper {shopper} at second {second}")
    return mismatches


def find_metric_mismatches(
    case_recount: CaseRecount, cases: EvalCases, comparison: Comparison, data: TrainingSet, k: int
) -> list[str]:
    """Describe every NDCG of a sample of cases that differs from a plain computation on item ids.

    cases: the evaluated ones, in the order of `comparison`.
    """
    sample = sorted(set(np.linspace(0, len(cases) - 1, min(METRIC_SAMPLE_CASES, len(cases))).astype(int).tolist()))
    case_keys, item_ids, known_items = _case_keys(cases), data.vocabulary.item_ids, _known_items(data)
    mismatches = []
    for scorer, scores in comparison.scores.items():
        ndcg_values = scores.ndcg(k)
        for case in sample:
            targets = _mask_unknown(case_recount.baskets.get(case_keys[case], frozenset()), known_items)
            expected = plain_ndcg([str(item_ids[item]) for item in scores.lists[case, :k]], targets, k)
            if not abs(ndcg_values[case] - expected) <= METRIC_TOLERANCE:
                mismatches.append(
                    f"{scorer} for shopper {case_keys[case][0]}: {ndcg_values[case]:.4f}, recomputed {expected:.4f}"
                )
    return mismatches


def plain_ndcg(ranked_items: list[str], targets: AbstractSet[str], k: int) -> float:
    """Compute the NDCG of one list, rank by rank; "" among the targets is an item that no list can contain."""
    discounts = [1 / math.log2(1 + rank) for rank in range(1, k + 1)]
    dcg = sum(discount for discount, item in zip(discounts, ranked_items, strict=False) if item and item in targets)
    ideal_dcg = sum(discounts[: len(targets)])
    return dcg / ideal_dcg if ideal_dcg else math.nan


def _case_keys(cases: EvalCases) -> list[BasketKey]:
    shoppers, times = cases.histories.shoppers[cases.shopper_index], cases.histories.times[cases.target_starts]
    return [(str(shopper), int(time)) for shopper, time in zip(shoppers, times, strict=True)]


def _case_items(cases: EvalCases, data: TrainingSet) -> list[frozenset[str]]:
    """Return the item ids of each case; "" for items outside the vocabulary."""
    ids, offsets = data.vocabulary.item_ids[cases.targets].tolist(), cases.target_offsets
    return [frozenset(ids[start:stop]) for start, stop in pairwise(offsets)]


def _mask_unknown(items: AbstractSet[str], known_items: AbstractSet[str]) -> frozenset[str]:
    return frozenset(item if item in known_items else "" for item in items)


def _known_items(data: TrainingSet) -> frozenset[str]:
    return frozenset(map(str, data.vocabulary.item_ids[1:]))


def _truncated_shoppers(case_recount: CaseRecount, data: TrainingSet) -> frozenset[str]:
    """Return the shoppers with the maximum number of events in the training set, and more in the table `events`."""
    sizes = np.diff(data.histories.offsets)
    max_length = int(sizes.max(initial=0))
    longest_shoppers = data.histories.shoppers[sizes == max_length]
    return frozenset(
        str(shopper) for shopper in longest_shoppers if case_recount.event_counts[str(shopper)] > max_length
    )
