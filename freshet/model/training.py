"""Training: one loop, from the first batch to the best weights."""

import copy
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from freshet.model import device as devices
from freshet.model.batches import Asked, Batch, batches, rows_per_batch
from freshet.model.lesson import lesson
from freshet.model.losses import basket_cross_entropy, learning_rate_factor
from freshet.model.params import ModelConfig, TrainParams
from freshet.model.transformer import Recommender, attend_packed, with_one
from freshet.model.validation import ndcg
from freshet.training_set import TrainingSet
from freshet.vocabulary import content

log = logging.getLogger("freshet")


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
    place = devices.pick(device)
    devices.use_all_cores()
    started = time.perf_counter()
    torch.manual_seed(params.seed)
    rng = np.random.default_rng(params.seed)
    taught = lesson(training_set, params)
    vocabulary = training_set.vocabulary
    known = content([str(x) for x in vocabulary.titles], [str(x) for x in vocabulary.categories], vocabulary.prices)
    model = Recommender(ModelConfig.of(params, len(vocabulary))).know(known).to(place)
    rows = rows_per_batch(len(taught.corpus.items), params.steps_per_epoch, params.batch_rows)
    steps = params.max_epochs * max(1, round(len(taught.corpus.items) / rows))
    optimizer = torch.optim.AdamW(model.parameters(), lr=params.learning_rate, weight_decay=params.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda s: learning_rate_factor(s, min(100, steps // 10 + 1), steps)
    )
    log.info("training on %s: %d events, %d items", devices.name(place), len(taught.corpus.items), len(vocabulary))
    curve: list[Progress] = []
    for epoch in range(1, params.max_epochs + 1):
        losses = []
        for batch in batches(taught.corpus, params.length, rows, params.inside_share, rng):
            loss = batch_loss(model, batch.to(place), params.basket_weight)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.detach())
        mean = float(torch.stack(losses).mean())
        seconds = time.perf_counter() - started
        left = seconds / epoch * (params.max_epochs - epoch)
        curve.append(
            Progress(epoch, params.max_epochs, mean, ndcg(model, taught.held_out, params.length), seconds, left)
        )
        progress(curve[-1])
        best = max(curve, key=lambda p: p.ndcg_at_10)
        if best.epoch == epoch:
            weights = copy.deepcopy(model.state_dict())
        if epoch - best.epoch >= params.patience or seconds > 60 * params.max_minutes:
            break
    model.load_state_dict(weights)
    seconds = time.perf_counter() - started
    return Trained(
        model.eval(),
        model.config,
        params,
        tuple(curve),
        best,
        devices.name(place),
        seconds,
        len(curve) * len(taught.corpus.items) / seconds,
        devices.peak_memory(place),
    )


def batch_loss(model: Recommender, batch: Batch, basket_weight: float) -> Tensor:
    """Guess the next basket, and beside it, through a projection of its own, the rest of the basket at hand."""
    item_vectors = model.item_vectors()  # (V + 1, E)
    inputs = nn.functional.embedding(batch.items, item_vectors[:, :-1])  # (N, D)
    encoded = model.shoppers(inputs, batch.types, batch.gaps, batch.positions, attend_packed(batch.groups))  # (N, D)
    following = _loss(encoded, item_vectors, batch.following)
    return following + basket_weight * _loss(model.basket(encoded), item_vectors, batch.rest)


def _loss(encoded: Tensor, item_vectors: Tensor, asked: Asked) -> Tensor:
    vectors = with_one(nn.functional.embedding(asked.rows, encoded))  # (Q, E)
    return basket_cross_entropy(vectors, item_vectors, asked.items, asked.starts)
