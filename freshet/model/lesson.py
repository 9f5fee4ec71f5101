"""What a training run learns from and what it is checked on: the cut between the two."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from freshet.cases import Cases, last_basket_cases
from freshet.errors import FreshetError
from freshet.history import Histories, select
from freshet.model.corpus import Corpus, corpus
from freshet.model.params import TrainParams
from freshet.training_set import TrainingSet

FEWEST_CASES = 30  # a validation on fewer is noise; a small shop gives up to half of its shoppers for it


@dataclass(frozen=True)
class Lesson:
    """Nothing in `corpus` landed after the cut, and none of it is asked for in `held_out`."""

    corpus: Corpus
    held_out: Cases
    exclude_seen: bool = False  # whether an item of the history is no right answer, as some public protocols say


def lesson(training_set: TrainingSet, params: TrainParams) -> Lesson:
    """Splits off the last baskets of some shoppers, chosen by the seed.

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
    if len(candidates) < 2:
        raise FreshetError(
            where,
            f"{len(candidates)} shoppers with two baskets up to the cut: nothing shows what comes next",
            "land more days, or check that the mapping's user and session are the same for one shopper",
        )
    held_out = candidates.take(_chosen(len(candidates), params))
    return Lesson(corpus(_without(past, held_out)), held_out)


def _chosen(candidates: int, params: TrainParams) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    share = min(round(params.validation_share * candidates), params.validation_cases)
    count = max(1, share, min(FEWEST_CASES, candidates // 2))
    return np.sort(np.random.default_rng(params.seed).permutation(candidates)[:count])


def _without(histories: Histories, held_out: Cases) -> Histories:
    """The histories up to each held-out basket, which is the last of its shopper."""
    last = histories.offsets[1:].copy()
    last[held_out.owners] = held_out.ends
    return select(histories, np.arange(len(histories.items)) < np.repeat(last, np.diff(histories.offsets)))
