"""Challenger, champion and baselines, all asked the same cases now: the table a verdict is read from."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from pydantic import BaseModel, ConfigDict

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
from freshet.inference.scoring import Scorer

CHALLENGER, CHAMPION, POPULAR, ITEM_KNN = "challenger", "champion", "popular", "item-to-item"
ANCHOR, ENCODER_ONLY, BLEND_ONLY = (
    "anchor",
    "encoder alone",
    "blend alone",
)  # an old release; the challenger's two parts
SEQUENTIAL_RULES = "sequential rules"
BASELINES = (SEQUENTIAL_RULES, ITEM_KNN, POPULAR)
SCORER_ORDER = (CHALLENGER, CHAMPION, ANCHOR, *BASELINES, ENCODER_ONLY, BLEND_ONLY)  # in every table and picture

REPEAT_REFERENCE_DAYS = 28  # days before those that judge, whose share of echoes is what is usual

CASE_SAMPLE_SEED = 20  # of the sample of cases: the same cases whenever the same days are judged

ComparisonProgress = Callable[[str, int, int], None]  # (who is asked, cases done, cases in all)


class SliceMetrics(BaseModel):
    """How everybody did on a part of the cases."""

    model_config = ConfigDict(frozen=True)

    n_cases: int
    ndcg: dict[str, float]  # scorer → NDCG at the first k


class Evaluation(BaseModel):
    """The table: scorer × metric, and the slices. As JSON it is what the journal and the bundle's reader see."""

    model_config = ConfigDict(frozen=True)

    train_until: int  # days since 1970: what landed by it was known
    as_of: int  # baskets that began on the days (cut, as_of] were asked for
    n_cases: int
    n_targets: int
    n_unknown_targets: int  # not in the challenger's vocabulary: misses
    ks: tuple[int, ...]
    table: dict[str, dict[str, float]]  # scorer → metric → mean
    slices: dict[str, SliceMetrics]
    scoring_seconds: dict[str, float]
    n_items: int = 0  # of the challenger's vocabulary; 0: an evaluation from when they were not counted
    echo_share: float = 0.0  # share of the baskets that repeat the item of seconds before
    reference_echo_share: float = 0.0  # the same on the days before those that judge
    repeat_share: float = 0.0  # share of the baskets that begin with the item of the event before, after any time
    reference_repeat_share: float = 0.0

    def to_markdown(self) -> str:
        """The table for people: metrics down, scorers across; then the slices."""
        names = list(self.table)
        metric_rows = [[metric, *(f"{self.table[n][metric]:.4f}" for n in names)] for metric in self.table[names[0]]]
        k = self.ks[0]
        slice_rows = [
            [name, str(row.n_cases), *(f"{row.ndcg[n]:.4f}" for n in names)] for name, row in self.slices.items()
        ]
        return "\n\n".join(
            [
                f"{self.n_cases} baskets asked for, {self.n_targets} items in them, {self.n_unknown_targets} unknown.",
                _markdown_table(["metric", *names], metric_rows),
                _markdown_table([f"slice (NDCG@{k})", "cases", *names], slice_rows),
            ]
        )


@dataclass(frozen=True)
class SliceScores:
    """The answers to some of the cases, or to some of their targets."""

    scores: dict[str, CaseScores]
    shopper_index: Ints  # (C,) the shopper of each case


@dataclass(frozen=True)
class Comparison:
    """The table, and the answers behind it for the paired test."""

    evaluation: Evaluation
    scores: dict[str, CaseScores]  # scorer → its answers to the same cases, in the challenger's indexes
    shopper_index: Ints  # (C,) the shopper of each case
    slice_scores: Mapping[str, SliceScores] = field(default_factory=dict)  # slice → its answers


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
    """Ask everybody the baskets that began after the cut; a random sample of them where there are over `most_cases`.

    The challenger's vocabulary must be the training set's. Champion and anchor see the cases in their own.
    after: the last day that any of them has learned from, where one has learned more than the challenger.
    """
    train_until = training_set.train_until if after is None else max(after, training_set.train_until)
    cases = sample_cases(training_set, train_until, max_cases)
    excluded_items = training_set.vocabulary.delisted.copy()
    excluded_items[0] = True
    baselines = challenger.bundle.baselines
    native_scorers: dict[str, Scorer] = {
        CHALLENGER: challenger,
        POPULAR: PopularityScorer(baselines, excluded_items),
        ITEM_KNN: ItemKnnScorer(baselines, excluded_items),
        SEQUENTIAL_RULES: SequentialRulesScorer(baselines, excluded_items),
        ENCODER_ONLY: EncoderOnlyRanker(challenger),
        BLEND_ONLY: blend_only_ranker(challenger),
    }
    other_rankers = {name: ranker for name, ranker in ((CHAMPION, champion), (ANCHOR, anchor)) if ranker is not None}
    scores, seconds = {}, {}
    for name in (name for name in SCORER_ORDER if name in native_scorers or name in other_rankers):
        started_at = time.perf_counter()
        if name in native_scorers:
            scores[name] = evaluate_cases(native_scorers[name], cases, ks, _scorer_progress(progress, name))
        else:
            scores[name] = _evaluate_remapped(
                training_set, other_rankers[name], cases, ks, _scorer_progress(progress, name)
            )
        seconds[name] = time.perf_counter() - started_at
    slice_scores = _slice_scores(training_set, cases, scores)
    evaluation = _evaluation(training_set, train_until, cases, scores, slice_scores, tuple(ks), seconds)
    return Comparison(evaluation, scores, cases.shopper_index, slice_scores)


def sample_cases(training_set: TrainingSet, train_until: int, max_cases: int | None) -> EvalCases:
    """The baskets that began after day `cut`; the same random sample of them whenever there are more."""
    cases = next_basket_cases(training_set.histories, train_until, training_set.as_of)
    if max_cases is None or len(cases) <= max_cases:
        return cases
    return cases.take(np.sort(np.random.default_rng(CASE_SAMPLE_SEED).permutation(len(cases))[:max_cases]))


def _evaluate_remapped(
    training_set: TrainingSet, ranker: Ranker, cases: EvalCases, ks: Sequence[int], progress: Progress | None
) -> CaseScores:
    """A bundle of another vocabulary is asked in its own, and its answers are read in ours."""
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
        slices={name: _slice_metrics(slice_answers, ks[0]) for name, slice_answers in slice_scores.items()},
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
    """What accuracy does not show."""
    lists = scores.lists[:, :k]
    return {
        f"coverage@{k}": metrics.coverage(lists[lists > 0], len(training_set.vocabulary)),
        f"novelty@{k}": metrics.novelty(lists, training_set.reach),
        f"popularity_share@{k}": metrics.popularity_share(lists, metrics.head_items(training_set.reach)),
        f"personalisation@{k}": personalisation(lists, cases.shopper_index),
        f"distinct_lists@{k}": distinct_list_share(lists),
    }


def _slice_scores(training_set: TrainingSet, cases: EvalCases, scores: dict[str, CaseScores]) -> dict[str, SliceScores]:
    slices = {
        name: SliceScores({scorer: answers.take(mask) for scorer, answers in scores.items()}, cases.shopper_index[mask])
        for name, mask in case_slices(cases, training_set).items()
    }
    for name, items in item_slices(training_set).items():
        has_targets = count_targets(cases, items) > 0
        slices[name] = SliceScores(
            {who: filter_targets(answers, cases, items) for who, answers in scores.items()},
            cases.shopper_index[has_targets],
        )
    return slices


def _slice_metrics(slice_scores: SliceScores, k: int) -> SliceMetrics:
    ndcg = {scorer: answers.means([k])[f"ndcg@{k}"] for scorer, answers in slice_scores.scores.items()}
    return SliceMetrics(n_cases=len(slice_scores.shopper_index), ndcg=ndcg)


def _scorer_progress(progress: ComparisonProgress | None, name: str) -> Progress | None:
    return None if progress is None else lambda done, of: progress(name, done, of)


def _markdown_table(head: list[str], body: list[list[str]]) -> str:
    lines = [head, ["---", *("---:" for _ in head[1:])], *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
