"""The training state, and the training step: everything that the next step depends on.

The random numbers of a step (dropout, sampled queries) depend only on the seed, the epoch, the step and the rank, not
on earlier random numbers. So a training that is interrupted between two steps resumes exactly, without storing the
state of a random number generator.
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
from freshet.model.custom import Model
from freshet.model.params import TrainParams
from freshet.model.transformer import Recommender
from freshet.training.batching import Batch, batches, events_per_batch
from freshet.training.data_parallel import StepThreads
from freshet.training.dataset import TrainingDataset
from freshet.training.distributed import ProcessGroup
from freshet.training.negative_sampling import NegativeSampler
from freshet.training.objective import split_by_member, step_loss
from freshet.training.run_params import Precision

WARMUP_STEPS = 100  # or a tenth of all steps, if that is fewer
MAX_GRAD_NORM = 1.0  # for gradient clipping


@dataclass(frozen=True)
class EpochMetrics:
    """Loss, validation score and times after an epoch."""

    epoch: int  # from 1
    max_epochs: int
    loss: float  # nats
    ndcg_at_10: float  # of the held-out baskets
    seconds: float  # since the start
    seconds_left: float  # an estimate, within the time limit


@dataclass
class TrainState:
    """Model, optimizer and progress of a training; mutable, it changes with every step."""

    model: Model
    optimizer: torch.optim.Optimizer
    device: torch.device
    batch_events: int  # packed events per batch
    total_steps: int  # of the learning-rate schedule
    max_epochs: int
    use_bf16: bool
    sampler: NegativeSampler | None = None  # None: all items are scored
    threads: StepThreads = field(default_factory=StepThreads)  # compute the gradients of a step
    step: int = 0  # number of steps taken
    epoch_losses: list[Tensor] = field(default_factory=list)  # of the current epoch, one per step, on the device
    curve: list[EpochMetrics] = field(default_factory=list)  # of the completed epochs
    best_weights: dict[str, Tensor] = field(default_factory=dict)  # of the epoch with the highest validation score
    is_finished: bool = False
    seconds: float = 0.0  # of training, including interrupted processes
    device_name: str = ""
    peak_memory: int = 0  # bytes, the maximum over all processes

    @property
    def best_epoch(self) -> EpochMetrics:
        """The epoch with the highest validation NDCG@10."""
        return max(self.curve, key=lambda metrics: metrics.ndcg_at_10)


def init_train_state(
    model: Model, dataset: TrainingDataset, params: TrainParams, device: torch.device, precision: Precision
) -> TrainState:
    """Return the state before the first step: optimizer, schedule, negative sampler and threads."""
    batch_events = events_per_batch(len(dataset.items), params.steps_per_epoch, params.max_batch_events)
    use_bf16 = devices.use_bf16(device, precision, batch_events * params.hidden_dim)
    max_epochs = params.max_epochs or 1
    total_steps = max_epochs * max(1, round(len(dataset.items) / batch_events))
    fused = device.type in ("cpu", "cuda")  # one kernel for all tensors: a tenth of a small model's step
    optimizer = torch.optim.AdamW(
        model.parameters(), params.learning_rate, weight_decay=params.weight_decay, fused=fused
    )
    sampler, threads = None, StepThreads(1, torch.get_num_threads())
    if isinstance(model, Recommender):  # custom models run in one thread and score all items
        threads = StepThreads.for_device(device, torch.get_num_threads(), batch_events * params.hidden_dim)
        sampler = NegativeSampler.fit(dataset, model.config.n_items, params.max_history, params.n_negatives, device)
    return TrainState(model, optimizer, device, batch_events, total_steps, max_epochs, use_bf16, sampler, threads)


def train_epoch(
    state: TrainState, dataset: TrainingDataset, params: TrainParams, process_group: ProcessGroup
) -> Iterator[None]:
    """Take the remaining steps of the current epoch; yield after each of them."""
    rng = np.random.default_rng([params.seed, len(state.curve)])
    epoch_batches = batches(dataset, params.max_history, state.batch_events, params.within_basket_target_rate, rng)
    for batch in islice(epoch_batches, len(state.epoch_losses), None):
        state.epoch_losses.append(_train_step(state, batch, params, process_group))
        state.step += 1
        yield


def mean_loss(state: TrainState, params: TrainParams) -> float:
    """Return the mean loss of the current epoch's steps, in nats. Raises FreshetError if it is not finite."""
    loss = float(torch.stack(state.epoch_losses).mean())
    if math.isfinite(loss):
        return loss
    what = f"the loss is {loss} with a learning rate of {params.learning_rate:g}"
    fix = "set learning_rate to a tenth of it and train again"
    raise FreshetError(f"training, epoch {len(state.curve) + 1}", what, fix)


def _train_step(state: TrainState, batch: Batch, params: TrainParams, process_group: ProcessGroup) -> Tensor:
    """Take one step and return its loss, a scalar on the device, so that the next step need not wait for it."""
    _seed_step(params.seed, state.step, process_group.rank)
    lr_factor = learning_rate_factor(state.step, min(WARMUP_STEPS, state.total_steps // 10 + 1), state.total_steps)
    for group in state.optimizer.param_groups:
        group["lr"] = params.learning_rate * lr_factor
    state.optimizer.zero_grad(set_to_none=True)
    with state.threads.limit_cores():
        loss = _backward(state, batch, params.seed, process_group)
    parameters = list(state.model.parameters())
    total_loss = process_group.all_reduce_gradients(parameters, loss)
    nn.utils.clip_grad_norm_(parameters, MAX_GRAD_NORM)
    state.optimizer.step()
    return total_loss


def _backward(state: TrainState, batch: Batch, seed: int, process_group: ProcessGroup) -> Tensor:
    """Set the gradients of this process's share of the batch and return its loss."""
    model = state.model
    if isinstance(model, Recommender):
        member_batches = split_by_member(model, batch, process_group, state.device)
        n_queries = len(batch.targets.rows)
        if not any(len(part.targets.rows) for part in member_batches):
            return torch.zeros((), device=state.device)
        dropout_seed = (seed, state.step, process_group.rank)
        return state.threads.backward(model, member_batches, state.sampler, n_queries, dropout_seed, state.use_bf16)
    with torch.autocast(state.device.type, torch.bfloat16, enabled=state.use_bf16):
        loss = step_loss(model, batch, process_group, state.device)
    if loss.requires_grad:
        loss.backward()  # type: ignore[no-untyped-call]
    return loss.detach()


def _seed_step(seed: int, step: int, rank: int) -> None:
    """Seed torch's random number generator for one step."""
    words = np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)
    torch.manual_seed(int(words[0]))


def learning_rate_factor(step: int, warmup_steps: int, total_steps: int) -> float:
    """Return the learning-rate schedule: linear warm-up over `warmup_steps`, then linear decay to 0."""
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    return max(0.0, (total_steps - step) / max(1, total_steps - warmup_steps))
