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
from freshet.model.batches import Batch, batches, rows_per_batch
from freshet.model.lesson import lesson
from freshet.model.losses import basket_cross_entropy, learning_rate_factor
from freshet.model.params import ModelConfig, TrainParams
from freshet.model.spectral import start_biases, start_vectors
from freshet.model.transformer import Memory, Recommender, attend_packed, scores_of
from freshet.model.validation import ndcg
from freshet.training_set import TrainingSet
from freshet.vocabulary import content

log = logging.getLogger("freshet")

ITEM_RATE = 0.2  # learning rate of the item tables, as a share of the others'


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
    items = len(vocabulary)
    start = start_vectors(taught.corpus, items, params.vector, params.seed), start_biases(taught.corpus, items)
    model = Recommender(ModelConfig.of(params, items)).know(known).begin(*start).to(place)
    rows = rows_per_batch(len(taught.corpus.items), params.steps_per_epoch, params.batch_rows)
    steps = params.max_epochs * max(1, round(len(taught.corpus.items) / rows))
    optimizer = torch.optim.AdamW(_groups(model, params), weight_decay=params.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda s: learning_rate_factor(s, min(100, steps // 10 + 1), steps)
    )
    log.info("training on %s: %d events, %d items", devices.name(place), len(taught.corpus.items), len(vocabulary))
    curve: list[Progress] = []
    for epoch in range(1, params.max_epochs + 1):
        losses = []
        for batch in batches(taught.corpus, params.length, rows, params.inside_share, rng):
            loss = batch_loss(model, batch.to(place))
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


def _groups(model: Recommender, params: TrainParams) -> list[dict[str, object]]:
    """Item tables begin near where they belong (see spectral.py) and move slower than the rest."""
    rest = [value for name, value in model.named_parameters() if not name.startswith("items.")]
    return [
        {"params": list(model.items.parameters()), "lr": ITEM_RATE * params.learning_rate},
        {"params": rest, "lr": params.learning_rate},
    ]


def batch_loss(model: Recommender, batch: Batch) -> Tensor:
    """How badly the next baskets are guessed, in nats a question."""
    item_vectors = model.item_vectors()  # (V + 1, E)
    inputs = nn.functional.embedding(batch.items, item_vectors[:, :-1])  # (N, P)
    encoded = model.shoppers(inputs, batch.types, batch.gaps, batch.positions, attend_packed(batch.groups))  # (N, D)
    rows, asked = batch.following.rows, batch.following
    vectors = model.shoppers.vectors(nn.functional.embedding(rows, encoded))  # (Q, E)
    repeats, items = remembered(model.shoppers.memory, encoded, batch)  # (N, L) each
    scores = scores_of(vectors, repeats[rows], items[rows], item_vectors)  # (Q, V + 1)
    return basket_cross_entropy(scores, asked.items, asked.starts)


def remembered(memory: Memory, encoded: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """(N, L) what is added at each event, and (N, L) to which items; L is the longest window of the batch."""
    longest = max(length for _, length in batch.groups)
    sizes = [count * length for count, length in batch.groups]
    added, items = [], []
    for group, x, own in zip(batch.groups, torch.split(encoded, sizes), torch.split(batch.items, sizes), strict=True):
        window, met = x.view(*group, -1), own.view(group)  # (W, T, D), (W, T)
        length = group[1]
        known = torch.ones((length, length), device=x.device, dtype=x.dtype).tril().unsqueeze(0)  # (1, T, T)
        room = (0, longest - length)
        added.append(nn.functional.pad(memory(window, window, met, known), room).flatten(0, 1))
        items.append(nn.functional.pad(met.unsqueeze(1).expand(-1, length, -1), room).flatten(0, 1))
    return torch.cat(added), torch.cat(items)
