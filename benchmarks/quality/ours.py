"""Freshet's model on a split: the default configuration, its best epoch chosen on the validation."""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.quality.baselines import Answered
from benchmarks.quality.measures import DEEPEST
from benchmarks.quality.splits import Split
from benchmarks.report import say
from freshet.cases import Cases
from freshet.errors import FreshetError

if TYPE_CHECKING:
    from freshet.model.params import TrainParams
    from freshet.model.training import Progress, Trained


def parameters(overrides: Sequence[str]) -> "TrainParams":
    """The defaults with `name=value` on top.

    Raises FreshetError for a name that is none and a value that is not allowed.
    """
    from pydantic import ValidationError

    from freshet.model.params import TrainParams

    given = dict(text.partition("=")[::2] for text in overrides)
    unknown = sorted(set(given) - set(TrainParams.model_fields))
    if unknown:
        fix = f"take one of {', '.join(TrainParams.model_fields)}"
        raise FreshetError("--set", f"{', '.join(unknown)}: no parameter of the training", fix)
    try:
        return TrainParams.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise FreshetError(f"--set {first['loc'][0]}", str(first["msg"]), "correct the value") from error


def answer(split: Split, params: "TrainParams", validation_cases: int | None = None) -> Answered:
    """The lists of one training with the seed of `params`. validation_cases: at most so many are scored, None: all."""
    from freshet.model.validation import lists_of

    begun = time.perf_counter()
    held_out = _some(split.validation, validation_cases)
    trained = _fit(split, held_out, params)
    if split.refit is not None:
        trained = _fit_again(split, held_out, params, trained.best.epoch)
    lists = lists_of(trained.model, split.test, params.length, split.exclude_seen, DEEPEST, trained.tables).numpy()
    return Answered(lists, time.perf_counter() - begun)


def differing(params: "TrainParams") -> Mapping[str, object]:
    """What is not the default."""
    from freshet.model.params import TrainParams

    defaults = TrainParams().model_dump()
    return {name: value for name, value in params.model_dump().items() if value != defaults[name] and name != "seed"}


def _fit(split: Split, held_out: Cases, params: "TrainParams") -> "Trained":
    from freshet.model.corpus import corpus
    from freshet.model.lesson import Lesson
    from freshet.model.training import fit

    taught = Lesson(corpus(split.train), held_out, split.train, split.exclude_seen)
    return fit(taught, split.vocabulary, params, progress=partial(_say, f"seed {params.seed}"))


def _fit_again(split: Split, held_out: Cases, params: "TrainParams", epochs: int) -> "Trained":
    """From all that may be known, for as many epochs as did best."""
    from dataclasses import replace

    known = replace(split, train=split.known, refit=None)
    return _fit(known, held_out, params.model_copy(update={"max_epochs": epochs}))


def _some(cases: Cases, most: int | None) -> Cases:
    if most is None or len(cases) <= most:
        return cases
    return cases.take(np.sort(np.random.default_rng(0).permutation(len(cases))[:most]))


def _say(run: str, progress: "Progress") -> None:
    p = progress
    say(
        f"{run}, epoch {p.epoch} of {p.epochs}: loss {p.loss:.4f}, validation NDCG@10 {p.ndcg_at_10:.4f},"
        f" {p.seconds:.0f} s, at most {p.seconds_left:.0f} s more"
    )
