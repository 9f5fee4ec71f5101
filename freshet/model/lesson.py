"""What a training run learns from and what it is checked on: the cut between the two."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from freshet.cases import Cases, last_basket_cases
from freshet.errors import FreshetError
from freshet.history import Histories, Ints, select
from freshet.model.corpus import Corpus, corpus
from freshet.model.params import TrainParams
from freshet.training_set import TrainingSet

FEWEST_CASES = 30  # a validation on fewer is noise; a small shop gives up to half of its shoppers for it
MOST_OLDER = 500  # older baskets held out again: enough to see a tenth of the NDCG go, and hardly missed


@dataclass(frozen=True)
class Lesson:
    """Nothing in `corpus` landed after the cut, and none of it is asked for in `held_out`."""

    corpus: Corpus
    held_out: Cases
    known: Histories  # what `corpus` was made from
    exclude_seen: bool = False  # whether an item of the history is no right answer, as some public protocols say
    older: Cases | None = None  # held out by an earlier model too: what must not be forgotten


def lesson(training_set: TrainingSet, params: TrainParams, older_cut: int | None = None) -> Lesson:
    """Splits off the last baskets of some shoppers, chosen by the seed. Delisted items are never asked for.

    older_cut: the last day that an earlier model learned from; some of what it held out is held out again.
    Raises FreshetError when there is nothing to choose from or nothing to learn from.
    """
    where = f"training set as of {date(1970, 1, 1) + timedelta(days=training_set.as_of)}"
    if len(training_set.vocabulary) < 2:
        raise FreshetError(
            where,
            f"{len(training_set.vocabulary)} items up to the cut: there is nothing to choose from",
            "land events with at least two items",
        )
    past = select(training_set.histories, training_set.histories.days <= training_set.cut)
    candidates = last_basket_cases(past, training_set.cut, 1.0, params.seed)
    older = None if older_cut is None else _older(past, older_cut, params)
    if len(candidates) < 2:
        raise FreshetError(
            where,
            f"{len(candidates)} shoppers with two baskets up to the cut: nothing shows what comes next",
            "land more days, or check that the mapping's user and session are the same for one shopper",
        )
    held_out = candidates.take(_chosen(len(candidates), params))
    known = _without(past, held_out.owners, held_out.ends, older)
    taught = corpus(known, training_set.vocabulary.tombstones)
    return Lesson(taught, held_out, known, older=None if older is None else older.cases)


@dataclass(frozen=True)
class _Older:
    cases: Cases
    ends: Ints  # (C,) rows of today's histories at which the cases begin


def _older(past: Histories, cut: int, params: TrainParams) -> _Older:
    """Of the baskets that a model with this cut held out, the same ones whenever it is asked, a few."""
    then = past.days <= cut
    candidates = last_basket_cases(select(past, then), cut, 1.0, params.seed)
    chosen = _chosen(len(candidates), params) if len(candidates) else np.zeros(0, dtype=np.int64)
    most = max(FEWEST_CASES, min(MOST_OLDER, len(chosen) // 4))
    cases = candidates.take(chosen[:: max(1, len(chosen) // most)])
    return _Older(cases, np.flatnonzero(then)[cases.ends])


def _chosen(candidates: int, params: TrainParams) -> Ints:
    share = min(round(params.validation_share * candidates), params.validation_cases)
    count = max(1, share, min(FEWEST_CASES, candidates // 2))
    return np.sort(np.random.default_rng(params.seed).permutation(candidates)[:count])


def _without(histories: Histories, owners: Ints, ends: Ints, older: _Older | None) -> Histories:
    """The histories up to each held-out basket, the last of its shopper or an older one."""
    last = histories.offsets[1:].copy()
    last[owners] = ends
    if older is not None:
        np.minimum.at(last, older.cases.owners, older.ends)
    return select(histories, np.arange(len(histories.items)) < np.repeat(last, np.diff(histories.offsets)))
