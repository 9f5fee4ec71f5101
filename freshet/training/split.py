"""What a training run learns from and what it is checked on: the cut between the two."""

from dataclasses import dataclass

import numpy as np

from freshet.data.day_numbers import day_from_number
from freshet.data.eval_cases import EvalCases, last_basket_cases
from freshet.data.history import Histories, Ints, select_events
from freshet.data.training_set import TrainingSet
from freshet.errors import FreshetError
from freshet.model.params import TrainParams
from freshet.training.dataset import TrainingDataset, build_dataset

MIN_VALIDATION_CASES = 30  # a validation on fewer is noise; a small shop gives up to half of its shoppers for it
MAX_RETENTION_CASES = 500  # older baskets held out again: enough to see a tenth of the NDCG go, and hardly missed


@dataclass(frozen=True)
class TrainValidationSplit:
    """Nothing in `corpus` landed after the cut, and none of it is asked for in `held_out`."""

    dataset: TrainingDataset
    validation_cases: EvalCases
    train_histories: Histories  # what `corpus` was made from
    exclude_seen: bool = False  # whether an item of the history is no right answer, as some public protocols say
    retention_cases: EvalCases | None = None  # held out by an earlier model too: what must not be forgotten


def split_training_set(
    training_set: TrainingSet, params: TrainParams, previous_train_until: int | None = None
) -> TrainValidationSplit:
    """Splits off the last baskets of some shoppers, chosen by the seed. Delisted items are never asked for.

    older_cut: the last day that an earlier model learned from; some of what it held out is held out again.
    Raises FreshetError when there is nothing to choose from or nothing to learn from.
    """
    where = f"training set as of {day_from_number(training_set.as_of)}"
    if len(training_set.vocabulary) < 2:
        raise FreshetError(
            where,
            f"{len(training_set.vocabulary)} items up to the cut: there is nothing to choose from",
            "land events with at least two items",
        )
    past = select_events(training_set.histories, training_set.histories.days <= training_set.train_until)
    candidates = last_basket_cases(past, training_set.train_until, 1.0, params.seed)
    retention = None if previous_train_until is None else _retention_cases(past, previous_train_until, params)
    if len(candidates) < 2:
        raise FreshetError(
            where,
            f"{len(candidates)} shoppers with two baskets up to the cut: nothing shows what comes next",
            "land more days, or check that the mapping's user and session are the same for one shopper",
        )
    validation_cases = candidates.take(_sample_cases(len(candidates), params))
    train_histories = _truncate_histories(
        past, validation_cases.shopper_index, validation_cases.target_starts, retention
    )
    dataset = build_dataset(train_histories, training_set.vocabulary.delisted)
    return TrainValidationSplit(
        dataset, validation_cases, train_histories, retention_cases=None if retention is None else retention.cases
    )


@dataclass(frozen=True)
class _RetentionCases:
    cases: EvalCases
    ends: Ints  # (C,) rows of today's histories at which the cases begin


def _retention_cases(past: Histories, train_until: int, params: TrainParams) -> _RetentionCases:
    """Of the baskets that a model with this cut held out, the same ones whenever it is asked, a few."""
    in_window = past.days <= train_until
    candidates = last_basket_cases(select_events(past, in_window), train_until, 1.0, params.seed)
    indices = _sample_cases(len(candidates), params) if len(candidates) else np.zeros(0, dtype=np.int64)
    max_cases = max(MIN_VALIDATION_CASES, min(MAX_RETENTION_CASES, len(indices) // 4))
    cases = candidates.take(indices[:: max(1, len(indices) // max_cases)])
    return _RetentionCases(cases, np.flatnonzero(in_window)[cases.target_starts])


def _sample_cases(n_candidates: int, params: TrainParams) -> Ints:
    by_fraction = min(round(params.validation_fraction * n_candidates), params.max_validation_cases)
    n_cases = max(1, by_fraction, min(MIN_VALIDATION_CASES, n_candidates // 2))
    return np.sort(np.random.default_rng(params.seed).permutation(n_candidates)[:n_cases])


def _truncate_histories(
    histories: Histories, shopper_index: Ints, ends: Ints, retention: _RetentionCases | None
) -> Histories:
    """The histories up to each held-out basket, the last of its shopper or an older one."""
    row_ends = histories.offsets[1:].copy()
    row_ends[shopper_index] = ends
    if retention is not None:
        np.minimum.at(row_ends, retention.cases.shopper_index, retention.ends)
    return select_events(histories, np.arange(len(histories.items)) < np.repeat(row_ends, np.diff(histories.offsets)))
