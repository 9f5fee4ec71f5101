"""A training under way: everything its next step depends on, and how a step is taken.

What is random in a step (dropout, which questions are asked) is drawn from the seed, the epoch, the step and the rank,
never from what was drawn before. So a training that was put down between any two steps goes on as if nothing had
happened, and no generator's state has to be kept.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn

from freshet.errors import FreshetError
from freshet.model import device as devices
from freshet.model.batches import Batch, batches, rows_per_batch
from freshet.model.corpus import Corpus
from freshet.model.drawing import Drawing
from freshet.model.losses import learning_rate_factor
from freshet.model.own import Model, parts_of, step_loss
from freshet.model.params import TrainParams
from freshet.model.ranks import Ranks
from freshet.model.run_params import Precision
from freshet.model.threads import StepThreads
from freshet.model.transformer import Recommender

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


@dataclass
class Course:
    """The one thing here that changes: with every step."""

    model: Model
    optimizer: torch.optim.Optimizer
    place: torch.device
    rows: int  # packed events a batch
    steps: int  # after which the learning rate is down to zero
    epochs: int  # that these are
    bf16: bool
    drawing: Drawing | None = None  # how items that stand for all of a large catalogue are drawn
    threads: StepThreads = field(default_factory=StepThreads)  # that compute the gradients of a step
    step: int = 0  # taken so far
    losses: list[Tensor] = field(default_factory=list)  # of the epoch under way, one a step, on the device
    curve: list[Progress] = field(default_factory=list)  # of the epochs that are over
    best: dict[str, Tensor] = field(default_factory=dict)  # weights of the best of them
    over: bool = False
    seconds: float = 0.0  # trained so far, by processes before this one too
    device: str = ""  # that has trained it, as a person would say it
    peak_memory: int = 0  # bytes, the most of any process so far

    @property
    def best_epoch(self) -> Progress:
        """The epoch whose weights are kept."""
        return max(self.curve, key=lambda p: p.ndcg_at_10)


def begun(model: Model, corpus: Corpus, params: TrainParams, place: torch.device, precision: Precision) -> Course:
    """A course before its first step."""
    rows = rows_per_batch(len(corpus.items), params.steps_per_epoch, params.batch_rows)
    bf16 = devices.in_bf16(place, precision, rows * params.width)
    epochs = params.max_epochs or 1
    steps = epochs * max(1, round(len(corpus.items) / rows))
    fused = place.type in ("cpu", "cuda")  # one kernel for all tensors: a tenth of a small model's step
    optimizer = torch.optim.AdamW(
        model.parameters(), params.learning_rate, weight_decay=params.weight_decay, fused=fused
    )
    drawing, threads = None, StepThreads(1, torch.get_num_threads())
    if isinstance(model, Recommender):  # a module of a team's own scores what it will
        threads = StepThreads.on(place, torch.get_num_threads(), rows * params.width)
        drawing = Drawing.of(corpus, model.config.items, params.length, params.negatives, place)
    return Course(model, optimizer, place, rows, steps, epochs, bf16, drawing, threads)


def train_epoch(course: Course, corpus: Corpus, params: TrainParams, ranks: Ranks) -> Iterator[None]:
    """Takes the steps that are left of the epoch under way; comes back after each of them."""
    rng = np.random.default_rng([params.seed, len(course.curve)])
    every = batches(corpus, params.length, course.rows, params.inside_share, rng)
    for batch in islice(every, len(course.losses), None):
        course.losses.append(_take_step(course, batch, params, ranks))
        course.step += 1
        yield


def mean_loss(course: Course, params: TrainParams) -> float:
    """Of the steps of this epoch, in nats. Raises FreshetError when it is no number any more."""
    loss = float(torch.stack(course.losses).mean())
    if math.isfinite(loss):
        return loss
    # Weights that are not numbers never leave the training.
    what = f"the loss is {loss} with a learning rate of {params.learning_rate:g}"
    fix = "set learning_rate to a tenth of it and train again"
    raise FreshetError(f"training, epoch {len(course.curve) + 1}", what, fix)


def _take_step(course: Course, batch: Batch, params: TrainParams, ranks: Ranks) -> Tensor:
    """Loss (a scalar) and clipped norm stay on the device: no step waits for the one before."""
    _seed(params.seed, course.step, ranks.rank)
    factor = learning_rate_factor(course.step, min(WARM_UP, course.steps // 10 + 1), course.steps)
    for group in course.optimizer.param_groups:
        group["lr"] = params.learning_rate * factor
    course.optimizer.zero_grad(set_to_none=True)
    with course.threads.cores():
        loss = _backward(course, batch, params.seed, ranks)
    parameters = list(course.model.parameters())
    total = ranks.add_up(parameters, loss)
    nn.utils.clip_grad_norm_(parameters, CLIP)
    course.optimizer.step()
    return total


def _backward(course: Course, batch: Batch, seed: int, ranks: Ranks) -> Tensor:
    """Sets the gradients of this process's part of the batch and returns its loss."""
    model = course.model
    if isinstance(model, Recommender):
        parts = parts_of(model, batch, ranks, course.place)
        questions = len(batch.following.rows)
        if not any(len(part.following.rows) for part in parts):
            return torch.zeros((), device=course.place)
        source = (seed, course.step, ranks.rank)
        return course.threads.backward(model, parts, course.drawing, questions, source, course.bf16)
    with torch.autocast(course.place.type, torch.bfloat16, enabled=course.bf16):
        loss = step_loss(model, batch, ranks, course.place)
    if loss.requires_grad:
        loss.backward()  # type: ignore[no-untyped-call]
    return loss.detach()


def _seed(seed: int, step: int, rank: int) -> None:
    drawn = np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)
    torch.manual_seed(int(drawn[0]))
