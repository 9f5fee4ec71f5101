"""Challenger, champion and baselines, all asked the same cases now: the table a verdict is read from."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

from freshet.cases import Cases, next_basket_cases
from freshet.history import Ints
from freshet.judge import metrics
from freshet.judge.evaluation import KS, Scores, case_slices, evaluate, item_slices, narrowed, remap, restated
from freshet.live.baselines import ItemToItem, Popular, SequentialRules
from freshet.live.ranker import Ranker
from freshet.live.scorer import Scorer
from freshet.training_set import TrainingSet

CHALLENGER, CHAMPION, POPULAR, ITEM_TO_ITEM = "challenger", "champion", "popular", "item-to-item"
SEQUENTIAL_RULES = "sequential rules"
ORDER = (CHALLENGER, CHAMPION, SEQUENTIAL_RULES, ITEM_TO_ITEM, POPULAR)  # in every table and picture

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
class Comparison:
    """The table, and the answers behind it for the paired test."""

    evaluation: Evaluation
    scores: dict[str, Scores]  # scorer → its answers to the same cases, in the challenger's indexes
    owners: Ints  # (C,) the shopper of each case


def compare(
    training_set: TrainingSet,
    challenger: Ranker,
    champion: Ranker | None,
    ks: Sequence[int] = KS,
    report: Report | None = None,
    most_cases: int | None = None,
) -> Comparison:
    """Ask everybody the baskets that began after the cut; a random sample of them where there are over `most_cases`.

    The challenger's vocabulary must be the training set's. The champion sees the cases in its own.
    """
    cases = next_basket_cases(training_set.histories, training_set.cut, training_set.as_of)
    if most_cases is not None and len(cases) > most_cases:
        cases = cases.take(np.sort(np.random.default_rng(SEED).permutation(len(cases))[:most_cases]))
    never = training_set.vocabulary.tombstones.copy()
    never[0] = True
    baselines = challenger.bundle.baselines
    scorers: dict[str, Scorer] = {
        CHALLENGER: challenger,
        POPULAR: Popular(baselines, never),
        ITEM_TO_ITEM: ItemToItem(baselines, never),
        SEQUENTIAL_RULES: SequentialRules(baselines, never),
    }
    scores, seconds = {}, {}
    for name, scorer in scorers.items():
        begun = time.perf_counter()
        scores[name] = evaluate(scorer, cases, ks, _told(report, name))
        seconds[name] = time.perf_counter() - begun
    if champion is not None:
        begun = time.perf_counter()
        scores[CHAMPION] = _champion(training_set, champion, cases, ks, report)
        seconds[CHAMPION] = time.perf_counter() - begun
    scores = {name: scores[name] for name in ORDER if name in scores}
    return Comparison(_evaluation(training_set, cases, scores, tuple(ks), seconds), scores, cases.owners)


def _champion(
    training_set: TrainingSet, champion: Ranker, cases: Cases, ks: Sequence[int], report: Report | None
) -> Scores:
    ours, own = training_set.vocabulary, champion.bundle.vocabulary
    answered = evaluate(champion, remap(cases, ours, own), ks, _told(report, CHAMPION))
    return restated(answered, own, ours)


def _evaluation(
    training_set: TrainingSet,
    cases: Cases,
    scores: dict[str, Scores],
    ks: tuple[int, ...],
    seconds: dict[str, float],
) -> Evaluation:
    return Evaluation(
        cut=training_set.cut,
        as_of=training_set.as_of,
        cases=len(cases),
        targets=len(cases.targets),
        unknown_targets=int(np.count_nonzero(cases.targets == 0)),
        ks=ks,
        table={name: {**s.means(ks), **_beyond(s, training_set, ks[0])} for name, s in scores.items()},
        slices=_slices(training_set, cases, scores, ks[0]),
        seconds=seconds,
    )


def _beyond(scores: Scores, training_set: TrainingSet, k: int) -> dict[str, float]:
    """What accuracy does not show."""
    lists = scores.lists[:, :k]
    return {
        f"coverage@{k}": metrics.coverage(lists[lists > 0], len(training_set.vocabulary)),
        f"novelty@{k}": metrics.novelty(lists, training_set.audience),
        f"popularity_share@{k}": metrics.popularity_share(lists, metrics.head_items(training_set.audience)),
    }


def _slices(training_set: TrainingSet, cases: Cases, scores: dict[str, Scores], k: int) -> dict[str, SliceRow]:
    parts = {n: {s: v.take(m) for s, v in scores.items()} for n, m in case_slices(cases, training_set).items()}
    parts |= {n: {s: narrowed(v, cases, m) for s, v in scores.items()} for n, m in item_slices(training_set).items()}
    return {
        name: SliceRow(
            cases=len(next(iter(part.values())).sizes), ndcg={s: v.means([k])[f"ndcg@{k}"] for s, v in part.items()}
        )
        for name, part in parts.items()
    }


def _told(report: Report | None, name: str) -> Callable[[int, int], None] | None:
    return None if report is None else lambda done, of: report(name, done, of)


def _markdown(head: list[str], body: list[list[str]]) -> str:
    lines = [head, ["---", *("---:" for _ in head[1:])], *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
