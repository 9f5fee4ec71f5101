"""Training: one loop, from the first batch to the best weights."""

import copy
import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import torch
from torch import nn

from freshet.errors import FreshetError
from freshet.model import device as devices
from freshet.model.batches import batches, rows_per_batch
from freshet.model.corpus import Corpus
from freshet.model.lesson import Lesson, lesson
from freshet.model.losses import learning_rate_factor
from freshet.model.params import ModelConfig, TrainParams
from freshet.model.question import batch_loss
from freshet.model.spectral import start_biases, start_vectors
from freshet.model.transformer import Recommender
from freshet.model.validation import ndcg
from freshet.training_set import TrainingSet
from freshet.vocabulary import Vocabulary, content

log = logging.getLogger("freshet")

ITEM_RATE = 0.2  # learning rate of the item tables, as a share of the others'
WARM_UP = 100  # steps, or a tenth of all where that is fewer
CLIP = 1.0  # longest gradient of a step


@dataclass(frozen=True)
class Progress:
    """After an epoch: how it went, and how long the rest can take at most."""

    epoch: int  # from 1
    epochs: int
    loss: float  # nats
    ndcg_at_10: float  # of the held-out baskets
    seconds: float  # since the start
    seconds_left: float


@dataclass(frozen=True)
class Trained:
    """The model with the weights of its best epoch, and how it came to be."""

    model: Recommender
    config: ModelConfig
    params: TrainParams
    curve: tuple[Progress, ...]
    best: Progress
    device: str
    seconds: float
    interactions_per_second: float  # packed events, forward and back
    peak_memory: int  # bytes


def train(
    training_set: TrainingSet,
    params: TrainParams,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    progress: Callable[[Progress], None] = lambda _: None,
) -> Trained:
    """A model trained on what landed by the cut; the same seed gives the same weights on the same CPU.

    Raises FreshetError if there is too little to learn from, the device is not there, or the loss is not finite.
    """
    return fit(lesson(training_set, params), training_set.vocabulary, params, device, progress)


def fit(
    taught: Lesson,
    vocabulary: Vocabulary,
    params: TrainParams,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    progress: Callable[[Progress], None] = lambda _: None,
) -> Trained:
    """A model that has learned what `taught` teaches, with the weights that did best on what it holds out.

    Raises FreshetError if the device is not there, or the loss is not finite.
    """
    place = devices.pick(device)
    devices.use_all_cores()
    started = time.perf_counter()
    model = _untrained(vocabulary, taught.corpus, params).to(place)
    log.info("training on %s: %d events, %d items", devices.name(place), len(taught.corpus.items), model.config.items)
    curve: list[Progress] = []
    for epoch, loss in enumerate(_epochs(model, taught.corpus, params, place), start=1):
        score = ndcg(model, taught.held_out, params.length, taught.exclude_seen)
        curve.append(_progress(epoch, params, loss, score, time.perf_counter() - started))
        progress(curve[-1])
        best = max(curve, key=lambda p: p.ndcg_at_10)
        if best.epoch == epoch:
            weights = copy.deepcopy(model.state_dict())
        if epoch - best.epoch >= params.patience or curve[-1].seconds > 60 * params.max_minutes:
            break
    model.load_state_dict(weights)
    seconds = time.perf_counter() - started
    speed = len(curve) * len(taught.corpus.items) / seconds
    kept = model.eval(), model.config, params, tuple(curve), best
    return Trained(*kept, devices.name(place), seconds, speed, devices.peak_memory(place))


def _untrained(vocabulary: Vocabulary, corpus: Corpus, params: TrainParams) -> Recommender:
    """The model before its first step: item vectors from co-occurrence, everything else from the seed."""
    torch.manual_seed(params.seed)
    titles, categories = ([str(x) for x in values] for values in (vocabulary.titles, vocabulary.categories))
    items = len(vocabulary)
    model = Recommender(ModelConfig.of(params, items)).know(content(titles, categories, vocabulary.prices))
    return model.begin(start_vectors(corpus, items, params.vector, params.seed), start_biases(corpus, items))


def _epochs(model: Recommender, corpus: Corpus, params: TrainParams, place: torch.device) -> Iterator[float]:
    """Trains one epoch after another and gives the mean loss of each.

    Raises FreshetError when a loss is no number any more.
    """
    rng = np.random.default_rng(params.seed)
    rows = rows_per_batch(len(corpus.items), params.steps_per_epoch, params.batch_rows)
    steps = params.max_epochs * max(1, round(len(corpus.items) / rows))
    factor = partial(learning_rate_factor, warm_up=min(WARM_UP, steps // 10 + 1), steps=steps)
    fused = place.type in ("cpu", "cuda")  # one kernel for all tensors: a tenth of a small model's step
    optimizer = torch.optim.AdamW(_groups(model, params), weight_decay=params.weight_decay, fused=fused)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    for epoch in range(1, params.max_epochs + 1):
        losses = []
        for batch in batches(corpus, params.length, rows, params.inside_share, rng):
            loss = batch_loss(model, batch.to(place))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimizer.step()
            schedule.step()
            losses.append(loss.detach())
        yield _finite(float(torch.stack(losses).mean()), epoch, params)


def _finite(loss: float, epoch: int, params: TrainParams) -> float:
    """The loss, if it is one. Weights that are not numbers never leave the training."""
    if math.isfinite(loss):
        return loss
    what = f"the loss is {loss} with a learning rate of {params.learning_rate:g}"
    raise FreshetError(f"training, epoch {epoch}", what, "set learning_rate to a tenth of it and train again")


def _progress(epoch: int, params: TrainParams, loss: float, score: float, seconds: float) -> Progress:
    left = seconds / epoch * (params.max_epochs - epoch)
    return Progress(
        epoch, params.max_epochs, loss, score, seconds, min(left, max(0.0, 60 * params.max_minutes - seconds))
    )


def _groups(model: Recommender, params: TrainParams) -> list[dict[str, object]]:
    """Item tables begin near where they belong (see spectral.py) and move slower than the rest."""
    rest = [value for name, value in model.named_parameters() if not name.startswith("items.")]
    return [
        {"params": list(model.items.parameters()), "lr": ITEM_RATE * params.learning_rate},
        {"params": rest, "lr": params.learning_rate},
    ]
