"""What needs no training: popularity, item to item, sequential rules and V-SKNN, asked the same cases as the model."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.measures import DEEPEST
from benchmarks.quality.neighbours import Neighbours
from benchmarks.quality.splits import DAY, Split
from benchmarks.report import say
from freshet.cases import Cases
from freshet.covisitation import covisitation
from freshet.history import Histories, Ints, is_target, model_input
from freshet.live.baselines import Baselines, ItemToItem, Popular, SequentialRules
from freshet.live.scorer import NEVER, Scorer, chunks, top_k
from freshet.sequential_rules import sequential_rules

RECENT_DAYS = 7


@dataclass(frozen=True)
class Answered:
    """The lists of one method, and what they cost."""

    lists: Ints  # (C, DEEPEST)
    seconds: float


def answer_all(split: Split) -> Iterator[tuple[str, Answered]]:
    """(name, answers) of every baseline, one after the other."""
    for name in ("popular", "popular 7 days", "item-to-item", "sequential rules", "V-SKNN"):
        if name == "popular 7 days" and not split.timed:
            say("popular 7 days: not asked, the file has no times")
            continue
        begun = time.perf_counter()
        lists = answer(scorer(name, split), split.test, split.exclude_seen)
        yield name, Answered(lists, time.perf_counter() - begun)
        say(f"{name}: {time.perf_counter() - begun:.1f} s")


def scorer(name: str, split: Split) -> Scorer:
    """The baseline called `name`, made from what the split lets it know."""
    histories, size = split.known, len(split.vocabulary) + 1
    never = np.arange(size) == 0
    if name == "V-SKNN":
        return Neighbours.of(histories, size, timed=split.timed)
    counted = _recent(histories) if name == "popular 7 days" else histories
    popularity = np.bincount(counted.items[_wanted(counted)], minlength=size).astype(np.float64)
    if name.startswith("popular"):
        return Popular(Baselines(popularity, *_no_neighbours(size)), never)
    last = int(histories.days.max(initial=0))
    if name == "sequential rules":
        rules = sequential_rules(histories, last, size)
        return SequentialRules(Baselines(popularity, *_no_neighbours(size), rules), never)
    return ItemToItem(Baselines(popularity, *covisitation(histories, last, size)), never)


def answer(asked: Scorer, cases: Cases, exclude_seen: bool) -> Ints:
    """(C, DEEPEST) items, best first, 0 = empty place; of equal scores the lower index comes first."""
    lists = np.zeros((len(cases), DEEPEST), dtype=np.int64)
    everything = max(1, len(cases.histories.items))
    for start, stop in chunks(len(cases), asked.width):
        known = cases.take(slice(start, stop)).known(everything)
        scores = asked.score(model_input(known, asked.length))
        if exclude_seen:
            scores[np.repeat(np.arange(stop - start), np.diff(known.offsets)), known.items] = NEVER
        best, _ = top_k(scores, DEEPEST)
        lists[start:stop, : best.shape[1]] = best
    return lists


def _recent(histories: Histories) -> Histories:
    keep = histories.times > histories.times.max(initial=0) - RECENT_DAYS * DAY
    return replace(histories, items=np.where(keep, histories.items, 0))


def _wanted(histories: Histories) -> NDArray[np.bool_]:
    return np.logical_and(is_target(histories.types), histories.items > 0)


def _no_neighbours(size: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    return np.zeros((size, 1), dtype=np.int32), np.zeros((size, 1), dtype=np.float32)
