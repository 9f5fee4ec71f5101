"""Training: one loop, from the first batch to the best weights."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import torch

from freshet.model import device as devices
from freshet.model.blending import best_blend
from freshet.model.brought import is_brought
from freshet.model.corpus import events_of
from freshet.model.course import Course, Progress, begun, mean_loss, train_epoch
from freshet.model.lesson import Lesson, lesson
from freshet.model.own import Model
from freshet.model.params import ModelConfig, TrainParams
from freshet.model.ranks import ALONE, Ranks
from freshet.model.resume import ResumePoint
from freshet.model.run_params import RunParams
from freshet.model.settling import settle
from freshet.model.start import untrained
from freshet.model.transformer import Recommender
from freshet.model.validation import held_out_loss, ndcg
from freshet.model.warm import Remembered, Yesterday, warm_params
from freshet.neighbourhood import Tables
from freshet.training_set import TrainingSet
from freshet.vocabulary import Vocabulary

__all__ = ["Means", "Progress", "Trained", "fit", "train"]

log = logging.getLogger("freshet")

Device = Literal["auto", "cpu", "cuda", "mps"]


@dataclass(frozen=True)
class Trained:
    """The model with the weights of its best epoch, and how it came to be."""

    model: Model
    config: ModelConfig
    params: TrainParams
    curve: tuple[Progress, ...]
    best: Progress
    tables: Tables  # of what it was taught; the blend in `config` mixes them in
    blended_ndcg_at_10: float  # of at most 2,000 of the held-out baskets, with them
    device: str
    seconds: float
    interactions_per_second: float  # packed events, forward and back
    peak_memory: int  # bytes
    warm_from: str = ""  # the model it began with, "" for a cold start
    remembered: Remembered | None = None  # of a warm start


@dataclass(frozen=True)
class Means:
    """What a training has besides what it learns from: a place to resume from, other processes, a way to run."""

    resume: ResumePoint | None = None
    ranks: Ranks = ALONE
    place: torch.device | None = None  # of this process, where a launcher has chosen it
    run: RunParams = field(default_factory=RunParams)
    yesterday: Yesterday | None = None  # the model to begin from; None: cold


def train(
    training_set: TrainingSet,
    params: TrainParams,
    device: Device = "auto",
    progress: Callable[[Progress], None] = lambda _: None,
    means: Means | None = None,
) -> Trained:
    """A model trained on what landed by the cut; the same seed gives the same weights on the same CPU.

    Raises FreshetError if there is too little to learn from, the device is not there, or the loss is not finite.
    """
    older_cut = means.yesterday.cut if means and means.yesterday else None
    return fit(lesson(training_set, params, older_cut), training_set.vocabulary, params, device, progress, means)


def fit(
    taught: Lesson,
    vocabulary: Vocabulary,
    params: TrainParams,
    device: Device = "auto",
    progress: Callable[[Progress], None] = lambda _: None,
    means: Means | None = None,
) -> Trained:
    """A model that has learned what `taught` teaches, with the weights that did best on what it holds out.

    With a place to resume from, a training that was killed goes on where it stood and ends with the same weights.
    Raises FreshetError if the device is not there, or the loss is not finite.
    """
    means = means or Means()
    place = means.place or devices.pick(device)
    if means.ranks.world == 1:
        devices.use_all_cores()
    if is_brought(params.model):
        return _as_it_is(untrained(vocabulary, taught.corpus, params), taught, params, len(vocabulary))
    settled = params.settled(len(taught.corpus.items), len(vocabulary))
    pace = warm_params(settled) if means.yesterday else settled
    model = untrained(vocabulary, taught.corpus, settled, means.yesterday).to(place)
    course = begun(model, taught.corpus, pace, place, means.run.precision)
    log.info("training on %s: %d events, %d items", devices.name(place), len(taught.corpus.items), model.config.items)
    if means.resume is not None and means.resume.load(course, means.ranks):
        log.info("going on after step %d, epoch %d, of the training that was stopped", course.step, len(course.curve))
    _run(course, taught, pace, means, progress)
    return _trained(course, taught, params, len(vocabulary), means.yesterday)


def _as_it_is(model: Model, taught: Lesson, params: TrainParams, items: int) -> Trained:
    """An encoder that was trained elsewhere: nothing is done but asking it what is held out."""
    started = time.perf_counter()
    model.eval()
    loss = held_out_loss(model, taught.held_out, params.length)
    score = ndcg(model, taught.held_out, params.length, taught.exclude_seen)
    seconds, place = time.perf_counter() - started, torch.device("cpu")
    only = Progress(0, 0, loss, score, seconds, 0.0)
    cost = devices.name(place), seconds, 0.0, devices.peak_memory(place)
    tables, blended = _blended(model, taught, items)
    return Trained(model, model.config, params, (only,), only, tables, blended, *cost)


def _run(
    course: Course, taught: Lesson, params: TrainParams, means: Means, progress: Callable[[Progress], None]
) -> None:
    """Epoch after epoch, until nothing gets better, the last one is over, or the time is."""
    clock = _Clock(time.perf_counter(), course.seconds)
    course.model.train()
    while not course.over:
        saved = clock.now()
        for _ in train_epoch(course, taught.corpus, params, means.ranks):
            if means.resume is not None and clock.now() - saved >= means.resume.every:
                course.seconds = clock.now()
                _save(course, means)
                saved = clock.now()  # however long that took, the next state is as many seconds away
        _judge(course, taught, params, means.ranks, clock)
        _save(course, means)
        progress(course.curve[-1])


def _judge(course: Course, taught: Lesson, params: TrainParams, ranks: Ranks, clock: "_Clock") -> None:
    """The end of an epoch: its loss, its score, whether it is the best so far, and whether it is the last."""
    loss = mean_loss(course, params)
    mine = taught.held_out.take(slice(ranks.rank, None, ranks.world))
    gained = ndcg(course.model, mine, params.length, taught.exclude_seen) * len(mine)
    # Every process must come to the same end: the score is everybody's, the time is the first one's.
    told = ranks.total([gained, clock.now() if ranks.first else 0.0], course.place)
    score, course.seconds = told[0] / max(1, len(taught.held_out)), told[1]
    course.device = devices.name(course.place) if ranks.world == 1 else f"{ranks.world} × {devices.name(course.place)}"
    course.peak_memory = max(course.peak_memory, devices.peak_memory(course.place))
    epoch = len(course.curve) + 1
    course.curve.append(_progress(epoch, course.epochs, 60 * params.max_minutes, loss, score, course.seconds))
    course.losses.clear()
    best = course.best_epoch.epoch
    if best == epoch:
        course.best = {name: value.detach().clone() for name, value in course.model.state_dict().items()}
    out_of_time = course.seconds > 60 * params.max_minutes
    course.over = epoch >= course.epochs or epoch - best >= params.patience or out_of_time


def _save(course: Course, means: Means) -> None:
    if means.resume is not None and means.ranks.first:
        means.resume.save(course)


def _trained(course: Course, taught: Lesson, params: TrainParams, items: int, yesterday: Yesterday | None) -> Trained:
    course.model.load_state_dict(course.best)
    if isinstance(course.model, Recommender):
        settle(course.model, events_of(taught.corpus, len(course.model.met)).to(course.place))
    course.model.eval()
    speed = len(course.curve) * len(taught.corpus.items) / course.seconds
    tables, blended = _blended(course.model, taught, items)
    kept = course.model, course.model.config, params, tuple(course.curve), course.best_epoch, tables, blended
    cost = course.device, course.seconds, speed, course.peak_memory
    if yesterday is None:
        return Trained(*kept, *cost)
    return Trained(*kept, *cost, yesterday.id, _remembered(course, taught, params, yesterday))


def _blended(model: Model, taught: Lesson, items: int) -> tuple[Tables, float]:
    """Tells the model how far to trust the tables. The tables, and the NDCG@10 of what is held out with them."""
    tables = Tables.of(taught.known, items)
    blend, score = best_blend(model, taught, tables)
    model.config = replace(model.config, blend=blend)
    return tables, score


def _remembered(course: Course, taught: Lesson, params: TrainParams, yesterday: Yesterday) -> Remembered | None:
    if taught.older is None or len(taught.older) == 0:
        return None
    models = yesterday.model.to(course.place), course.model
    before, after = (ndcg(model, taught.older, params.length, taught.exclude_seen) for model in models)
    return Remembered(len(taught.older), before, after)


def _progress(epoch: int, epochs: int, most_seconds: float, loss: float, score: float, seconds: float) -> Progress:
    left = min(seconds / epoch * (epochs - epoch), max(0.0, most_seconds - seconds))
    return Progress(epoch, epochs, loss, score, seconds, left)


@dataclass(frozen=True)
class _Clock:
    """Seconds of training: those of processes before this one, and its own."""

    started: float
    before: float

    def now(self) -> float:
        return self.before + time.perf_counter() - self.started
