"""Baselines: popularity, item-to-item, sequential rules and V-SKNN on the same cases as the model."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.measures import LIST_LENGTH
from benchmarks.quality.neighbours import SessionKnn
from benchmarks.quality.splits import DAY_SECONDS, Split
from benchmarks.report import print_progress
from freshet.data.eval_cases import EvalCases
from freshet.data.history import Histories, Ints, is_target, model_input
from freshet.data.item_knn import compute_item_knn
from freshet.data.sequential_rules import count_rules
from freshet.inference.baselines import Baselines, ItemKnnScorer, PopularityScorer, SequentialRulesScorer
from freshet.inference.scoring import EXCLUDED_SCORE, Scorer, chunk_ranges, top_k

RECENT_DAYS = 7


@dataclass(frozen=True)
class RankedLists:
    """The lists of one method, and the seconds they took."""

    lists: Ints  # (C, LIST_LENGTH)
    seconds: float


def rank_all_baselines(split: Split) -> Iterator[tuple[str, RankedLists]]:
    """(name, lists) of every baseline."""
    for name in ("popular", "popular 7 days", "item-to-item", "sequential rules", "V-SKNN"):
        if name == "popular 7 days" and not split.has_times:
            print_progress("popular 7 days: skipped, the file has no times")
            continue
        start = time.perf_counter()
        lists = rank_cases(build_baseline(name, split), split.test, split.exclude_seen)
        yield name, RankedLists(lists, time.perf_counter() - start)
        print_progress(f"{name}: {time.perf_counter() - start:.1f} s")


def build_baseline(name: str, split: Split) -> Scorer:
    """The scorer of the baseline `name`, computed from the split's training data."""
    histories, size = split.full_train, len(split.vocabulary) + 1
    excluded_items = np.arange(size) == 0
    if name == "V-SKNN":
        return SessionKnn.fit(histories, size, has_times=split.has_times)
    counted_histories = _recent_histories(histories) if name == "popular 7 days" else histories
    popularity = np.bincount(counted_histories.items[_is_target_event(counted_histories)], minlength=size).astype(
        np.float64
    )
    if name.startswith("popular"):
        return PopularityScorer(Baselines(popularity, *_empty_neighbours(size)), excluded_items)
    last = int(histories.days.max(initial=0))
    if name == "sequential rules":
        rules = count_rules(histories, last, size)
        return SequentialRulesScorer(Baselines(popularity, *_empty_neighbours(size), rules), excluded_items)
    return ItemKnnScorer(Baselines(popularity, *compute_item_knn(histories, last, size)), excluded_items)


def rank_cases(scorer: Scorer, cases: EvalCases, exclude_seen: bool) -> Ints:
    """(C, LIST_LENGTH) items, best first, 0 = empty; of equal scores the lower index comes first."""
    lists = np.zeros((len(cases), LIST_LENGTH), dtype=np.int64)
    max_events = max(1, len(cases.histories.items))
    for start, stop in chunk_ranges(len(cases), scorer.n_scores):
        histories = cases.take(slice(start, stop)).input_histories(max_events)
        scores = scorer.score(model_input(histories, scorer.max_history))
        if exclude_seen:
            scores[np.repeat(np.arange(stop - start), np.diff(histories.offsets)), histories.items] = EXCLUDED_SCORE
        top_items, _ = top_k(scores, LIST_LENGTH)
        lists[start:stop, : top_items.shape[1]] = top_items
    return lists


def _recent_histories(histories: Histories) -> Histories:
    is_recent = histories.times > histories.times.max(initial=0) - RECENT_DAYS * DAY_SECONDS
    return replace(histories, items=np.where(is_recent, histories.items, 0))


def _is_target_event(histories: Histories) -> NDArray[np.bool_]:
    return np.logical_and(is_target(histories.types), histories.items > 0)


def _empty_neighbours(size: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    return np.zeros((size, 1), dtype=np.int32), np.zeros((size, 1), dtype=np.float32)
