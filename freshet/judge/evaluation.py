"""Ask a scorer every case, over all items, and keep what it answered."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from freshet.cases import Cases
from freshet.history import Ints
from freshet.judge import metrics
from freshet.live.scorer import Scorer, chunks, rows, top_k
from freshet.training_set import TrainingSet
from freshet.vocabulary import Vocabulary

KS = (10, 20)
RARE = 5  # events of an item up to the cut

Progress = Callable[[int, int], None]  # (cases done, cases in all)
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Scores:
    """What was answered to C cases: K = the largest k asked for."""

    lists: Ints  # (C, K) items, best first; 0 = empty place
    hits: Mask  # (C, K) whether the place holds a target
    sizes: Ints  # (C,) targets of the case

    def per_case(self, k: int) -> dict[str, metrics.Values]:
        """Metric name → (C,)."""
        return {
            f"ndcg@{k}": metrics.ndcg(self.hits, self.sizes, k),
            f"recall@{k}": metrics.recall(self.hits, self.sizes, k),
            f"precision@{k}": metrics.precision(self.hits, k),
            f"mrr@{k}": metrics.mrr(self.hits, k),
            f"hit_rate@{k}": metrics.hit_rate(self.hits, k),
        }

    def means(self, ks: Sequence[int] = KS) -> dict[str, float]:
        """Metric name → mean over the cases; 0 where there is no case."""
        values = {name: v for k in ks for name, v in self.per_case(k).items()}
        return {name: float(v.mean()) if len(v) else 0.0 for name, v in values.items()}

    def take(self, chosen: Mask) -> "Scores":
        """Some of the cases."""
        return Scores(self.lists[chosen], self.hits[chosen], self.sizes[chosen])


def evaluate(scorer: Scorer, cases: Cases, ks: Sequence[int] = KS, progress: Progress | None = None) -> Scores:
    """Every case asked, all items ranked.

    The scorer and the cases must speak of the same vocabulary: see `remap`. progress is told after each chunk.
    """
    inputs = cases.inputs(scorer.length)
    lists = np.zeros((len(cases), max(ks)), dtype=np.int64)
    for start, stop in chunks(len(cases), scorer.width):
        best, _ = top_k(scorer.score(rows(inputs, start, stop)), max(ks))
        lists[start:stop, : best.shape[1]] = best
        if progress is not None:
            progress(stop, len(cases))
    return Scores(lists, hits(lists, cases), np.diff(cases.target_offsets))


def hits(lists: Ints, cases: Cases) -> Mask:
    """(C, K) whether the item at each place is a target of its case; index 0 never is."""
    case = np.repeat(np.arange(len(cases)), np.diff(cases.target_offsets))
    width = 1 + max(int(lists.max(initial=0)), int(cases.targets.max(initial=0)))
    asked = (case * width + cases.targets)[cases.targets > 0]
    given = np.arange(len(cases))[:, None] * width + lists
    return np.isin(given, asked) & (lists > 0)


def remap(cases: Cases, from_vocabulary: Vocabulary, to_vocabulary: Vocabulary) -> Cases:
    """The same cases as a bundle with another vocabulary sees them: what it does not know becomes 0.

    Every target stays in its case, so that not knowing one is a miss.
    """
    ids = [str(item) for item in from_vocabulary.item_ids]
    read, known = to_vocabulary.readable(ids), to_vocabulary.index_of(ids)
    histories = replace(cases.histories, items=read[cases.histories.items])
    return replace(cases, histories=histories, targets=known[cases.targets])


def case_slices(cases: Cases, training_set: TrainingSet) -> dict[str, Mask]:
    """Slice name → (C,) which cases are in it. Heavy shoppers have more events up to the cut than the median."""
    seen = training_set.activity[cases.owners]
    new = training_set.first_days[cases.owners] > training_set.cut
    bought = training_set.purchases[cases.owners] > 0
    median = float(np.median(seen[~new])) if (~new).any() else 0.0
    return {
        "new shoppers": new,
        "returning shoppers": ~new,
        "buyers": bought,
        "lookers": ~bought,
        "light shoppers": ~new & (seen <= median),
        "heavy shoppers": ~new & (seen > median),
    }


def item_slices(training_set: TrainingSet) -> dict[str, Mask]:
    """Slice name → (V + 1,) which items are in it. Cold: nobody had met it by the cut; rare: at most RARE events."""
    head = metrics.head_items(training_set.audience)
    cold = training_set.audience == 0
    cold[0] = False
    tail = ~head & ~cold
    tail[0] = False
    histories = training_set.histories
    events = np.bincount(histories.items[histories.days <= training_set.cut], minlength=len(cold))
    rare = (events > 0) & (events <= RARE)
    rare[0] = False
    return {"head items": head, "tail items": tail, "rare items": rare, "cold items": cold}


def narrowed(scores: Scores, cases: Cases, items: Mask) -> Scores:
    """As if only targets among `items` (V + 1,) had been asked for; cases without one fall out.

    `scores` must hold items of the vocabulary that `cases` and `items` speak of: see `restated`.
    """
    sizes = sizes_among(cases, items)
    return Scores(scores.lists, scores.hits & items[scores.lists], sizes).take(sizes > 0)


def sizes_among(cases: Cases, items: Mask) -> Ints:
    """(C,) how many targets of each case are among `items` (V + 1,)."""
    case = np.repeat(np.arange(len(cases)), np.diff(cases.target_offsets))
    return np.bincount(case[items[cases.targets]], minlength=len(cases))


def restated(scores: Scores, from_vocabulary: Vocabulary, to_vocabulary: Vocabulary) -> Scores:
    """The same answers in another vocabulary's indexes; items it lacks become 0, hits stay hits."""
    to = to_vocabulary.index_of([str(item) for item in from_vocabulary.item_ids])
    return replace(scores, lists=to[scores.lists])
