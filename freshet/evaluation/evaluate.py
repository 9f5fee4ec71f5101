"""Rank all items for every evaluation case with one scorer; the resulting lists, hits and slices."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from freshet.data.eval_cases import EvalCases
from freshet.data.history import Ints
from freshet.data.training_set import TrainingSet
from freshet.data.vocabulary import Vocabulary
from freshet.evaluation import metrics
from freshet.inference.scoring import Mask, Scorer, chunk_ranges, slice_batch, top_k

METRIC_KS = (10, 20)
MAX_RARE_EVENTS = 5  # events of a rare item in the training days

Progress = Callable[[int, int], None]  # (cases done, number of cases)


@dataclass(frozen=True)
class CaseScores:
    """The top K items of a scorer for C cases, and which of them are targets."""

    lists: Ints  # (C, K) items, best first; 0 = empty slot
    hits: Mask  # (C, K) whether the listed item is a target
    n_targets: Ints  # (C,) targets of the case

    def ndcg(self, k: int) -> metrics.Values:
        """(C,) NDCG@k of each case."""
        return metrics.ndcg(self.hits, self.n_targets, k)

    def per_case(self, k: int) -> dict[str, metrics.Values]:
        """Metric name → (C,) values."""
        return {
            f"ndcg@{k}": self.ndcg(k),
            f"recall@{k}": metrics.recall(self.hits, self.n_targets, k),
            f"precision@{k}": metrics.precision(self.hits, k),
            f"mrr@{k}": metrics.mrr(self.hits, k),
            f"hit_rate@{k}": metrics.hit_rate(self.hits, k),
        }

    def means(self, ks: Sequence[int] = METRIC_KS) -> dict[str, float]:
        """Metric name → mean over the cases; 0 without cases."""
        values = {name: v for k in ks for name, v in self.per_case(k).items()}
        return {name: float(v.mean()) if len(v) else 0.0 for name, v in values.items()}

    def take(self, mask: Mask) -> "CaseScores":
        """Return the scores of the cases in the mask (C,)."""
        return CaseScores(self.lists[mask], self.hits[mask], self.n_targets[mask])


def evaluate_cases(
    scorer: Scorer, cases: EvalCases, ks: Sequence[int] = METRIC_KS, progress: Progress | None = None
) -> CaseScores:
    """Rank all items for every case.

    Scorer and cases must use the same vocabulary: see `remap_cases`. progress is called after each chunk.
    """
    inputs = cases.model_inputs(scorer.max_history)
    lists = np.zeros((len(cases), max(ks)), dtype=np.int64)
    for start, stop in chunk_ranges(len(cases), scorer.n_scores):
        items, _ = top_k(scorer.score(slice_batch(inputs, start, stop)), max(ks))
        lists[start:stop, : items.shape[1]] = items
        if progress is not None:
            progress(stop, len(cases))
    return CaseScores(lists, target_hits(lists, cases), np.diff(cases.target_offsets))


def target_hits(lists: Ints, cases: EvalCases) -> Mask:
    """(C, K) whether each listed item is a target of its case; index 0 never is."""
    case_index = np.repeat(np.arange(len(cases)), np.diff(cases.target_offsets))
    width = 1 + max(int(lists.max(initial=0)), int(cases.targets.max(initial=0)))
    target_cells = (case_index * width + cases.targets)[cases.targets > 0]
    list_cells = np.arange(len(cases))[:, None] * width + lists
    return np.isin(list_cells, target_cells) & (lists > 0)


def remap_cases(cases: EvalCases, from_vocabulary: Vocabulary, to_vocabulary: Vocabulary) -> EvalCases:
    """Return the cases in the indexes of another vocabulary; items outside it become 0.

    Every target stays in its case, so that a target outside the vocabulary is a miss.
    """
    ids = [str(item) for item in from_vocabulary.item_ids]
    input_index, target_index = to_vocabulary.trained_indices(ids), to_vocabulary.indices(ids)
    histories = replace(cases.histories, items=input_index[cases.histories.items])
    return replace(cases, histories=histories, targets=target_index[cases.targets])


def case_slices(cases: EvalCases, training_set: TrainingSet) -> dict[str, Mask]:
    """Slice name → (C,) mask of its cases. Heavy shoppers have more training events than the median."""
    event_counts = training_set.event_counts[cases.shopper_index]
    is_new = training_set.first_days[cases.shopper_index] > training_set.train_until
    is_buyer = training_set.purchase_counts[cases.shopper_index] > 0
    median = float(np.median(event_counts[~is_new])) if (~is_new).any() else 0.0
    return {
        "new shoppers": is_new,
        "returning shoppers": ~is_new,
        "buyers": is_buyer,
        "lookers": ~is_buyer,
        "light shoppers": ~is_new & (event_counts <= median),
        "heavy shoppers": ~is_new & (event_counts > median),
    }


def item_slices(training_set: TrainingSet) -> dict[str, Mask]:
    """Slice name → (V + 1,) mask of its items. Cold: no event in the training days; rare: at most MAX_RARE_EVENTS."""
    head = metrics.head_items(training_set.audience)
    cold = training_set.audience == 0
    cold[0] = False
    tail = ~head & ~cold
    tail[0] = False
    histories = training_set.histories
    event_counts = np.bincount(histories.items[histories.days <= training_set.train_until], minlength=len(cold))
    rare = (event_counts > 0) & (event_counts <= MAX_RARE_EVENTS)
    rare[0] = False
    return {"head items": head, "tail items": tail, "rare items": rare, "cold items": cold}


def filter_targets(scores: CaseScores, cases: EvalCases, items: Mask) -> CaseScores:
    """Return the scores with only the targets among `items` (V + 1,); cases without such a target are dropped.

    `scores`, `cases` and `items` must use the same vocabulary: see `remap_scores`.
    """
    n_targets = count_targets(cases, items)
    return CaseScores(scores.lists, scores.hits & items[scores.lists], n_targets).take(n_targets > 0)


def count_targets(cases: EvalCases, items: Mask) -> Ints:
    """(C,) number of targets of each case that are among `items` (V + 1,)."""
    case_index = np.repeat(np.arange(len(cases)), np.diff(cases.target_offsets))
    return np.bincount(case_index[items[cases.targets]], minlength=len(cases))


def remap_scores(scores: CaseScores, from_vocabulary: Vocabulary, to_vocabulary: Vocabulary) -> CaseScores:
    """Return the scores in another vocabulary's indexes; items outside it become 0, hits stay hits."""
    item_index = to_vocabulary.indices([str(item) for item in from_vocabulary.item_ids])
    return replace(scores, lists=item_index[scores.lists])
