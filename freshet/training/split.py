"""The train/validation split: hold out the last baskets of some shoppers."""

from dataclasses import dataclass

import numpy as np

from freshet.data.day_numbers import day_from_number
from freshet.data.eval_cases import EvalCases, last_basket_cases
from freshet.data.history import Histories, Ints, select_events
from freshet.data.training_set import TrainingSet
from freshet.errors import FreshetError
from freshet.model.params import TrainParams
from freshet.training.dataset import TrainingDataset, build_dataset

MIN_VALIDATION_CASES = 30  # fewer are too noisy; small shops hold out up to half of their shoppers to reach it
MAX_RETENTION_CASES = 500  # enough to measure a loss of a tenth of the NDCG@10, and few beside the training data


@dataclass(frozen=True)
class TrainValidationSplit:
    """Training data and held-out cases; the dataset has no event after `train_until` and no held-out basket."""

    dataset: TrainingDataset
    validation_cases: EvalCases
    train_histories: Histories  # from which `dataset` was built
    exclude_seen: bool = False  # whether items of the history are not ranked, as in some public evaluation protocols
    retention_cases: EvalCases | None = None  # also held out by the warm-start model, to measure forgetting


def split_training_set(
    training_set: TrainingSet, params: TrainParams, previous_train_until: int | None = None
) -> TrainValidationSplit:
    """Hold out the last baskets of some shoppers, sampled with the seed. Delisted items are never targets.

    previous_train_until: `train_until` of the warm-start model; some baskets that it held out are held out again.
    Raises FreshetError for fewer than two items or fewer than two shoppers with two baskets.
    """
    past = select_events(training_set.histories, training_set.histories.days <= training_set.train_until)
    candidates = last_basket_cases(past, training_set.train_until, 1.0, params.seed)
    _check_trainable(training_set, candidates)
    retention = None if previous_train_until is None else _retention_cases(past, previous_train_until, params)
    validation_cases = candidates.take(_sample_cases(len(candidates), params))
    train_histories = _truncate_histories(
        past, validation_cases.shopper_index, validation_cases.target_starts, retention
    )
    dataset = build_dataset(train_histories, training_set.vocabulary.delisted)
    retention_cases = None if retention is None else retention.cases
    return TrainValidationSplit(dataset, validation_cases, train_histories, retention_cases=retention_cases)


def _check_trainable(training_set: TrainingSet, candidates: EvalCases) -> None:
    where = f"training set as of {day_from_number(training_set.as_of)}"
    if len(training_set.vocabulary) < 2:
        what = f"{len(training_set.vocabulary)} items up to the last training day: there is nothing to rank"
        raise FreshetError(where, what, "land events with at least two items")
    if len(candidates) < 2:
        what = (
            f"{len(candidates)} shoppers with two baskets up to the last training day: there is no next basket to learn"
        )
        fix = "land more days, or check that the mapping gives all events of a shopper the same user and session"
        raise FreshetError(where, what, fix)


@dataclass(frozen=True)
class _RetentionCases:
    cases: EvalCases
    ends: Ints  # (C,) rows of the current histories at which the held-out baskets start


def _retention_cases(past: Histories, train_until: int, params: TrainParams) -> _RetentionCases:
    """Return a fixed sample of the baskets that a model with this `train_until` held out."""
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
    """Return the histories up to each held-out basket."""
    row_ends = histories.offsets[1:].copy()
    row_ends[shopper_index] = ends
    if retention is not None:
        np.minimum.at(row_ends, retention.cases.shopper_index, retention.ends)
    return select_events(histories, np.arange(len(histories.items)) < np.repeat(row_ends, np.diff(histories.offsets)))
