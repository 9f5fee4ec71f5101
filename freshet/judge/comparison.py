"""Challenger, champion and baselines, all asked the same cases now: the table a verdict is read from."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from pydantic import BaseModel, ConfigDict

from freshet.cases import Cases, next_basket_cases
from freshet.history import Ints
from freshet.judge import metrics
from freshet.judge.echoes import echo_share
from freshet.judge.evaluation import (
    KS,
    Progress,
    Scores,
    case_slices,
    evaluate,
    item_slices,
    narrowed,
    remap,
    restated,
    sizes_among,
)
from freshet.judge.lists import distinct_share, personalisation
from freshet.judge.parts import EncoderAlone, blend_alone
from freshet.live.baselines import ItemToItem, Popular, SequentialRules
from freshet.live.ranker import Ranker
from freshet.live.scorer import Scorer
from freshet.training_set import TrainingSet

CHALLENGER, CHAMPION, POPULAR, ITEM_TO_ITEM = "challenger", "champion", "popular", "item-to-item"
ANCHOR, ENCODER, BLEND = "anchor", "encoder alone", "blend alone"  # an old release; the challenger's two parts
SEQUENTIAL_RULES = "sequential rules"
BASELINES = (SEQUENTIAL_RULES, ITEM_TO_ITEM, POPULAR)
ORDER = (CHALLENGER, CHAMPION, ANCHOR, *BASELINES, ENCODER, BLEND)  # in every table and picture

EARLIER = 28  # days before those that judge, whose share of echoes is what is usual

SEED = 20  # of the sample of cases: the same cases whenever the same days are judged

Report = Callable[[str, int, int], None]  # (who is asked, cases done, cases in all)


class SliceRow(BaseModel):
    """How everybody did on a part of the cases."""

    model_config = ConfigDict(frozen=True)

    cases: int
    ndcg: dict[str, float]  # scorer → NDCG at the first k


class Evaluation(BaseModel):
    """The table: scorer × metric, and the slices. As JSON it is what the journal and the bundle's reader see."""

    model_config = ConfigDict(frozen=True)

    cut: int  # days since 1970: what landed by it was known
    as_of: int  # baskets that began on the days (cut, as_of] were asked for
    cases: int
    targets: int
    unknown_targets: int  # not in the challenger's vocabulary: misses
    ks: tuple[int, ...]
    table: dict[str, dict[str, float]]  # scorer → metric → mean
    slices: dict[str, SliceRow]
    seconds: dict[str, float]
    items: int = 0  # of the challenger's vocabulary; 0: an evaluation from when they were not counted
    echoes: float = 0.0  # share of the baskets that repeat the item of seconds before
    echoes_before: float = 0.0  # the same on the days before those that judge
    repeats: float = 0.0  # share of the baskets that begin with the item of the event before, after any time
    repeats_before: float = 0.0

    def to_markdown(self) -> str:
        """The table for people: metrics down, scorers across; then the slices."""
        names = list(self.table)
        shown = [[metric, *(f"{self.table[n][metric]:.4f}" for n in names)] for metric in self.table[names[0]]]
        k = self.ks[0]
        sliced = [[name, str(row.cases), *(f"{row.ndcg[n]:.4f}" for n in names)] for name, row in self.slices.items()]
        return "\n\n".join(
            [
                f"{self.cases} baskets asked for, {self.targets} items in them, {self.unknown_targets} unknown.",
                _markdown(["metric", *names], shown),
                _markdown([f"slice (NDCG@{k})", "cases", *names], sliced),
            ]
        )


@dataclass(frozen=True)
class Part:
    """The answers to some of the cases, or to some of their targets."""

    scores: dict[str, Scores]
    owners: Ints  # (C,) the shopper of each case


@dataclass(frozen=True)
class Comparison:
    """The table, and the answers behind it for the paired test."""

    evaluation: Evaluation
    scores: dict[str, Scores]  # scorer → its answers to the same cases, in the challenger's indexes
    owners: Ints  # (C,) the shopper of each case
    parts: Mapping[str, Part] = field(default_factory=dict)  # slice → its answers


def compare(
    training_set: TrainingSet,
    challenger: Ranker,
    champion: Ranker | None,
    ks: Sequence[int] = KS,
    report: Report | None = None,
    most_cases: int | None = None,
    *,
    anchor: Ranker | None = None,
    after: int | None = None,
) -> Comparison:
    """Ask everybody the baskets that began after the cut; a random sample of them where there are over `most_cases`.

    The challenger's vocabulary must be the training set's. Champion and anchor see the cases in their own.
    after: the last day that any of them has learned from, where one has learned more than the challenger.
    """
    cut = training_set.cut if after is None else max(after, training_set.cut)
    cases = judged_cases(training_set, cut, most_cases)
    never = training_set.vocabulary.tombstones.copy()
    never[0] = True
    baselines = challenger.bundle.baselines
    own: dict[str, Scorer] = {
        CHALLENGER: challenger,
        POPULAR: Popular(baselines, never),
        ITEM_TO_ITEM: ItemToItem(baselines, never),
        SEQUENTIAL_RULES: SequentialRules(baselines, never),
        ENCODER: EncoderAlone(challenger),
        BLEND: blend_alone(challenger),
    }
    others = {name: ranker for name, ranker in ((CHAMPION, champion), (ANCHOR, anchor)) if ranker is not None}
    scores, seconds = {}, {}
    for name in (name for name in ORDER if name in own or name in others):
        begun = time.perf_counter()
        if name in own:
            scores[name] = evaluate(own[name], cases, ks, _progress_of(report, name))
        else:
            scores[name] = _in_its_own_words(training_set, others[name], cases, ks, _progress_of(report, name))
        seconds[name] = time.perf_counter() - begun
    parts = _parts(training_set, cases, scores)
    evaluation = _evaluation(training_set, cut, cases, scores, parts, tuple(ks), seconds)
    return Comparison(evaluation, scores, cases.owners, parts)


def judged_cases(training_set: TrainingSet, cut: int, most_cases: int | None) -> Cases:
    """The baskets that began after day `cut`; the same random sample of them whenever there are more."""
    cases = next_basket_cases(training_set.histories, cut, training_set.as_of)
    if most_cases is None or len(cases) <= most_cases:
        return cases
    return cases.take(np.sort(np.random.default_rng(SEED).permutation(len(cases))[:most_cases]))


def _in_its_own_words(
    training_set: TrainingSet, ranker: Ranker, cases: Cases, ks: Sequence[int], progress: Progress | None
) -> Scores:
    """A bundle of another vocabulary is asked in its own, and its answers are read in ours."""
    ours, own = training_set.vocabulary, ranker.bundle.vocabulary
    return restated(evaluate(ranker, remap(cases, ours, own), ks, progress), own, ours)


def _evaluation(
    training_set: TrainingSet,
    cut: int,
    cases: Cases,
    scores: dict[str, Scores],
    parts: Mapping[str, Part],
    ks: tuple[int, ...],
    seconds: dict[str, float],
) -> Evaluation:
    return Evaluation(
        cut=cut,
        as_of=training_set.as_of,
        cases=len(cases),
        targets=len(cases.targets),
        unknown_targets=int(np.count_nonzero(cases.targets == 0)),
        ks=ks,
        table={name: {**s.means(ks), **_beyond(s, cases, training_set, ks[0])} for name, s in scores.items()},
        slices={name: _slice_row(part, ks[0]) for name, part in parts.items()},
        seconds=seconds,
        items=len(training_set.vocabulary),
        echoes=echo_share(training_set.histories, cut, training_set.as_of),
        echoes_before=echo_share(training_set.histories, cut - EARLIER, cut),
        repeats=echo_share(training_set.histories, cut, training_set.as_of, seconds=None),
        repeats_before=echo_share(training_set.histories, cut - EARLIER, cut, seconds=None),
    )


def _beyond(scores: Scores, cases: Cases, training_set: TrainingSet, k: int) -> dict[str, float]:
    """What accuracy does not show."""
    lists = scores.lists[:, :k]
    return {
        f"coverage@{k}": metrics.coverage(lists[lists > 0], len(training_set.vocabulary)),
        f"novelty@{k}": metrics.novelty(lists, training_set.audience),
        f"popularity_share@{k}": metrics.popularity_share(lists, metrics.head_items(training_set.audience)),
        f"personalisation@{k}": personalisation(lists, cases.owners),
        f"distinct_lists@{k}": distinct_share(lists),
    }


def _parts(training_set: TrainingSet, cases: Cases, scores: dict[str, Scores]) -> dict[str, Part]:
    parts = {
        name: Part({who: answers.take(mask) for who, answers in scores.items()}, cases.owners[mask])
        for name, mask in case_slices(cases, training_set).items()
    }
    for name, items in item_slices(training_set).items():
        asked = sizes_among(cases, items) > 0
        parts[name] = Part(
            {who: narrowed(answers, cases, items) for who, answers in scores.items()}, cases.owners[asked]
        )
    return parts


def _slice_row(part: Part, k: int) -> SliceRow:
    ndcg = {who: answers.means([k])[f"ndcg@{k}"] for who, answers in part.scores.items()}
    return SliceRow(cases=len(part.owners), ndcg=ndcg)


def _progress_of(report: Report | None, name: str) -> Progress | None:
    return None if report is None else lambda done, of: report(name, done, of)


def _markdown(head: list[str], body: list[list[str]]) -> str:
    lines = [head, ["---", *("---:" for _ in head[1:])], *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
