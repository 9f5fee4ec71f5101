"""Freshet's model on a split: trained in its default configuration, the best epoch chosen by the validation NDCG."""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.quality.baselines import RankedLists
from benchmarks.quality.measures import LIST_LENGTH
from benchmarks.quality.splits import Split
from benchmarks.report import print_progress
from freshet.data.eval_cases import EvalCases
from freshet.errors import FreshetError

if TYPE_CHECKING:
    from freshet.model.params import TrainParams
    from freshet.training.trainer import EpochMetrics, TrainingResult


def parse_params(overrides: Sequence[str], base: "TrainParams | None" = None) -> "TrainParams":
    """`base`, or the defaults, with every `name=value` of `overrides` applied.

    Raises FreshetError for an unknown name and for a value that is not allowed.
    """
    from pydantic import ValidationError

    from freshet.model.params import TrainParams

    values = dict(text.partition("=")[::2] for text in overrides)
    unknown = sorted(set(values) - set(TrainParams.model_fields))
    if unknown:
        fix = f"take one of {', '.join(TrainParams.model_fields)}"
        raise FreshetError("--set", f"{', '.join(unknown)}: no such training parameter", fix)
    try:
        return TrainParams.model_validate({**(base.model_dump() if base else {}), **values})
    except ValidationError as error:
        first_error = error.errors()[0]
        raise FreshetError(f"--set {first_error['loc'][0]}", str(first_error["msg"]), "correct the value") from error


def train_and_rank(split: Split, params: "TrainParams", validation_cases: int | None = None) -> RankedLists:
    """The lists of one training. validation_cases: at most so many are scored after an epoch; None: all."""
    from freshet.training.validation import top_k_lists

    start = time.perf_counter()
    validation_cases_sample = _sample_cases(split.validation, validation_cases)
    trained = _train(split, validation_cases_sample, params)
    if split.refit is not None:
        trained = _refit(split, validation_cases_sample, params, trained.best.epoch)
    lists = top_k_lists(
        trained.model, split.test, params.max_history, split.exclude_seen, LIST_LENGTH, trained.tables
    ).numpy()
    return RankedLists(lists, time.perf_counter() - start)


def non_default_params(params: "TrainParams") -> Mapping[str, object]:
    """The parameters that differ from the defaults."""
    from freshet.model.params import TrainParams

    defaults = TrainParams().model_dump()
    return {name: value for name, value in params.model_dump().items() if value != defaults[name] and name != "seed"}


def _train(split: Split, held_out: EvalCases, params: "TrainParams") -> "TrainingResult":
    from freshet.training.dataset import build_dataset
    from freshet.training.split import TrainValidationSplit
    from freshet.training.trainer import fit

    train_split = TrainValidationSplit(build_dataset(split.train), held_out, split.train, split.exclude_seen)
    return fit(train_split, split.vocabulary, params, on_epoch=partial(_print_epoch, f"seed {params.seed}"))


def _refit(split: Split, held_out: EvalCases, params: "TrainParams", epochs: int) -> "TrainingResult":
    """Train again on all training data, for as many epochs as were best."""
    from dataclasses import replace

    refit_split = replace(split, train=split.full_train, refit=None)
    return _train(refit_split, held_out, params.model_copy(update={"max_epochs": epochs}))


def _sample_cases(cases: EvalCases, max_cases: int | None) -> EvalCases:
    if max_cases is None or len(cases) <= max_cases:
        return cases
    return cases.take(np.sort(np.random.default_rng(0).permutation(len(cases))[:max_cases]))


def _print_epoch(run: str, epoch: "EpochMetrics") -> None:
    p = epoch
    print_progress(
        f"{run}, epoch {p.epoch} of {p.max_epochs}: loss {p.loss:.4f}, validation NDCG@10 {p.ndcg_at_10:.4f},"
        f" {p.seconds:.0f} s, at most {p.seconds_left:.0f} s more"
    )
