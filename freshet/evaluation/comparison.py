"""Comparison of challenger, champion and baselines on the same cases: the metrics that a verdict is decided on."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from freshet.artifacts import StoredModel
from freshet.data.eval_cases import EvalCases, next_basket_cases
from freshet.data.history import Ints
from freshet.data.training_set import TrainingSet
from freshet.evaluation import metrics
from freshet.evaluation.ablations import EncoderOnlyRanker, blend_only_ranker
from freshet.evaluation.echoes import echo_share
from freshet.evaluation.evaluate import (
    METRIC_KS,
    CaseScores,
    Progress,
    case_slices,
    count_targets,
    evaluate_cases,
    filter_targets,
    item_slices,
    remap_cases,
    remap_scores,
)
from freshet.evaluation.personalisation import distinct_list_share, personalisation
from freshet.inference.baselines import ItemKnnScorer, PopularityScorer, SequentialRulesScorer
from freshet.inference.ranker import Ranker
from freshet.inference.scoring import Mask, Scorer

CHALLENGER, CHAMPION, POPULAR, ITEM_KNN = "challenger", "champion", "popular", "item-to-item"
# An old release; the challenger's encoder without its blend; its blend without the encoder.
ANCHOR, ENCODER_ONLY, BLEND_ONLY = "anchor", "encoder alone", "blend alone"
SEQUENTIAL_RULES = "sequential rules"
BASELINE_SCORERS = (SEQUENTIAL_RULES, ITEM_KNN, POPULAR)
SCORER_ORDER = (CHALLENGER, CHAMPION, ANCHOR, *BASELINE_SCORERS, ENCODER_ONLY, BLEND_ONLY)  # in all tables and plots

REPEAT_REFERENCE_DAYS = 28  # days before the held-out ones; their share of echoes is the reference

CASE_SAMPLE_SEED = 20  # fixed, so that an evaluation of the same days uses the same cases

ComparisonProgress = Callable[[str, int, int], None]  # (scorer, cases done, number of cases)


class SliceMetrics(StoredModel):
    """NDCG of all scorers on a part of the cases."""

    former_names: ClassVar[Mapping[str, str]] = {"n_cases": "cases"}

    n_cases: int
    ndcg: dict[str, float]  # scorer → NDCG at the first k


class Evaluation(StoredModel):
    """The metrics of an evaluation: scorer × metric, and NDCG by slice."""

    former_names: ClassVar[Mapping[str, str]] = {
        "train_until": "cut",
        "n_cases": "cases",
        "n_targets": "targets",
        "n_unknown_targets": "unknown_targets",
        "scoring_seconds": "seconds",
        "n_items": "items",
        "echo_share": "echoes",
        "reference_echo_share": "echoes_before",
        "repeat_share": "repeats",
        "reference_repeat_share": "repeats_before",
    }

    train_until: int  # the last day in training, in days since 1970
    as_of: int  # the cases are baskets that began on the landing days (train_until, as_of]
    n_cases: int
    n_targets: int
    n_unknown_targets: int  # outside the challenger's vocabulary: misses
    ks: tuple[int, ...]
    table: dict[str, dict[str, float]]  # scorer → metric → mean
    slices: dict[str, SliceMetrics]
    scoring_seconds: dict[str, float]
    n_items: int = 0  # in the challenger's vocabulary; 0 in older evaluations, which did not count them
    echo_share: float = 0.0  # share of baskets that begin with the item of the event seconds before
    reference_echo_share: float = 0.0  # the same on the days before the held-out ones
    repeat_share: float = 0.0  # share of baskets that begin with the item of the event before, after any time
    reference_repeat_share: float = 0.0

    def to_markdown(self) -> str:
        """Return the metrics as Markdown tables: metrics by scorer, then NDCG by slice and scorer."""
        names = list(self.table)
        metric_rows = [[metric, *(f"{self.table[n][metric]:.4f}" for n in names)] for metric in self.table[names[0]]]
        k = self.ks[0]
        slice_rows = [
            [name, str(row.n_cases), *(f"{row.ndcg[n]:.4f}" for n in names)] for name, row in self.slices.items()
        ]
        return "\n\n".join(
            [
                f"{self.n_cases} held-out baskets with {self.n_targets} items, "
                f"{self.n_unknown_targets} of them unknown.",
                _markdown_table(["metric", *names], metric_rows),
                _markdown_table([f"slice (NDCG@{k})", "cases", *names], slice_rows),
            ]
        )


@dataclass(frozen=True)
class SliceScores:
    """The scores of some of the cases, or of some of their targets."""

    scores: dict[str, CaseScores]
    shopper_index: Ints  # (C,) the shopper of each case


@dataclass(frozen=True)
class Comparison:
    """The metrics, and the scores of each case for paired tests."""

    evaluation: Evaluation
    scores: dict[str, CaseScores]  # scorer → its scores on the same cases, in the challenger's vocabulary
    shopper_index: Ints  # (C,) the shopper of each case
    slice_scores: Mapping[str, SliceScores] = field(default_factory=dict)  # slice → its scores


def compare(
    training_set: TrainingSet,
    challenger: Ranker,
    champion: Ranker | None,
    ks: Sequence[int] = METRIC_KS,
    progress: ComparisonProgress | None = None,
    max_cases: int | None = None,
    *,
    anchor: Ranker | None = None,
    after: int | None = None,
) -> Comparison:
    """Score all models and baselines on the held-out baskets, or on a random sample of `max_cases` of them.

    The challenger's vocabulary must be the training set's; champion and anchor get the cases in their own.
    after: the last training day of any model; the cases begin after it.
    """
    train_until = training_set.train_until if after is None else max(after, training_set.train_until)
    cases = sample_cases(training_set, train_until, max_cases)
    native_scorers = _native_scorers(challenger, training_set.vocabulary.excluded_items)
    other_rankers = {name: ranker for name, ranker in ((CHAMPION, champion), (ANCHOR, anchor)) if ranker is not None}
    scores, seconds = {}, {}
    for name in (name for name in SCORER_ORDER if name in native_scorers or name in other_rankers):
        started_at, scorer_progress = time.perf_counter(), _scorer_progress(progress, name)
        if name in native_scorers:
            scores[name] = evaluate_cases(native_scorers[name], cases, ks, scorer_progress)
        else:
            scores[name] = _evaluate_remapped(training_set, other_rankers[name], cases, ks, scorer_progress)
        seconds[name] = time.perf_counter() - started_at
    slice_scores = _slice_scores(training_set, cases, scores)
    evaluation = _evaluation(training_set, train_until, cases, scores, slice_scores, tuple(ks), seconds)
    return Comparison(evaluation, scores, cases.shopper_index, slice_scores)


def sample_cases(training_set: TrainingSet, train_until: int, max_cases: int | None) -> EvalCases:
    """Return the baskets that began after day `train_until`, at most `max_cases` of them; always the same sample."""
    cases = next_basket_cases(training_set.histories, train_until, training_set.as_of)
    if max_cases is None or len(cases) <= max_cases:
        return cases
    return cases.take(np.sort(np.random.default_rng(CASE_SAMPLE_SEED).permutation(len(cases))[:max_cases]))


def _native_scorers(challenger: Ranker, excluded_items: Mask) -> dict[str, Scorer]:
    """Return the scorers that use the challenger's vocabulary: itself, its two ablations and the baselines."""
    baselines = challenger.bundle.baselines
    return {
        CHALLENGER: challenger,
        POPULAR: PopularityScorer(baselines, excluded_items),
        ITEM_KNN: ItemKnnScorer(baselines, excluded_items),
        SEQUENTIAL_RULES: SequentialRulesScorer(baselines, excluded_items),
        ENCODER_ONLY: EncoderOnlyRanker(challenger),
        BLEND_ONLY: blend_only_ranker(challenger),
    }


def _evaluate_remapped(
    training_set: TrainingSet, ranker: Ranker, cases: EvalCases, ks: Sequence[int], progress: Progress | None
) -> CaseScores:
    """Score a bundle of another vocabulary in its own indexes, and return the scores in the challenger's."""
    challenger_vocabulary, ranker_vocabulary = training_set.vocabulary, ranker.bundle.vocabulary
    return remap_scores(
        evaluate_cases(ranker, remap_cases(cases, challenger_vocabulary, ranker_vocabulary), ks, progress),
        ranker_vocabulary,
        challenger_vocabulary,
    )


def _evaluation(
    training_set: TrainingSet,
    train_until: int,
    cases: EvalCases,
    scores: dict[str, CaseScores],
    slice_scores: Mapping[str, SliceScores],
    ks: tuple[int, ...],
    seconds: dict[str, float],
) -> Evaluation:
    return Evaluation(
        train_until=train_until,
        as_of=training_set.as_of,
        n_cases=len(cases),
        n_targets=len(cases.targets),
        n_unknown_targets=int(np.count_nonzero(cases.targets == 0)),
        ks=ks,
        table={name: {**s.means(ks), **_beyond_accuracy(s, cases, training_set, ks[0])} for name, s in scores.items()},
        slices={name: _slice_metrics(case_scores, ks[0]) for name, case_scores in slice_scores.items()},
        scoring_seconds=seconds,
        n_items=len(training_set.vocabulary),
        echo_share=echo_share(training_set.histories, train_until, training_set.as_of),
        reference_echo_share=echo_share(training_set.histories, train_until - REPEAT_REFERENCE_DAYS, train_until),
        repeat_share=echo_share(training_set.histories, train_until, training_set.as_of, max_gap_s=None),
        reference_repeat_share=echo_share(
            training_set.histories, train_until - REPEAT_REFERENCE_DAYS, train_until, max_gap_s=None
        ),
    )


def _beyond_accuracy(scores: CaseScores, cases: EvalCases, training_set: TrainingSet, k: int) -> dict[str, float]:
    """Return the metrics beyond accuracy: coverage, novelty, popularity, personalisation."""
    lists = scores.lists[:, :k]
    return {
        f"coverage@{k}": metrics.coverage(lists[lists > 0], len(training_set.vocabulary)),
        f"novelty@{k}": metrics.novelty(lists, training_set.audience),
        f"popularity_share@{k}": metrics.popularity_share(lists, metrics.head_items(training_set.audience)),
        f"personalisation@{k}": personalisation(lists, cases.shopper_index),
        f"distinct_lists@{k}": distinct_list_share(lists),
    }


def _slice_scores(training_set: TrainingSet, cases: EvalCases, scores: dict[str, CaseScores]) -> dict[str, SliceScores]:
    slices = {
        slice_name: SliceScores(
            {name: case_scores.take(mask) for name, case_scores in scores.items()}, cases.shopper_index[mask]
        )
        for slice_name, mask in case_slices(cases, training_set).items()
    }
    for slice_name, items in item_slices(training_set).items():
        has_targets = count_targets(cases, items) > 0
        slices[slice_name] = SliceScores(
            {name: filter_targets(case_scores, cases, items) for name, case_scores in scores.items()},
            cases.shopper_index[has_targets],
        )
    return slices


def _slice_metrics(slice_scores: SliceScores, k: int) -> SliceMetrics:
    ndcg = {name: case_scores.means([k])[f"ndcg@{k}"] for name, case_scores in slice_scores.scores.items()}
    return SliceMetrics(n_cases=len(slice_scores.shopper_index), ndcg=ndcg)


def _scorer_progress(progress: ComparisonProgress | None, name: str) -> Progress | None:
    return None if progress is None else lambda done, total: progress(name, done, total)


def _markdown_table(head: list[str], body: list[list[str]]) -> str:
    lines = [head, ["---", *("---:" for _ in head[1:])], *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
