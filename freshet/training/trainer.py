"""Training: one loop, from the first batch to the best weights."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import torch

from freshet.data.knn_blend import BlendTables
from freshet.data.training_set import TrainingSet
from freshet.data.vocabulary import Vocabulary
from freshet.model import device as devices
from freshet.model.custom import Model
from freshet.model.onnx_encoder import is_onnx_model
from freshet.model.params import ModelConfig, TrainParams
from freshet.model.transformer import Recommender
from freshet.training.blend_tuning import tune_blend
from freshet.training.content_refit import refit_content
from freshet.training.dataset import events_per_item
from freshet.training.distributed import SINGLE_PROCESS, ProcessGroup
from freshet.training.initialisation import build_initial_model
from freshet.training.resume import TrainingCheckpoint
from freshet.training.run_params import RunParams
from freshet.training.split import TrainValidationSplit, split_training_set
from freshet.training.state import EpochMetrics, TrainState, init_train_state, mean_loss, train_epoch
from freshet.training.validation import mean_ndcg, validation_loss
from freshet.training.warm_start import ForgettingReport, WarmStartModel, warm_params

__all__ = ["EpochMetrics", "TrainerContext", "TrainingResult", "fit", "train"]

log = logging.getLogger("freshet")

Device = Literal["auto", "cpu", "cuda", "mps"]


@dataclass(frozen=True)
class TrainingResult:
    """The model with the weights of its best epoch, and how it came to be."""

    model: Model
    config: ModelConfig
    params: TrainParams
    curve: tuple[EpochMetrics, ...]
    best: EpochMetrics
    tables: BlendTables  # of what it was taught; the blend in `config` mixes them in
    blended_ndcg_at_10: float  # of at most 2,000 of the held-out baskets, with them
    device: str
    seconds: float
    events_per_second: float  # packed events, forward and back
    peak_memory: int  # bytes
    warm_start_id: str = ""  # the model it began with, "" for a cold start
    forgetting: ForgettingReport | None = None  # of a warm start


@dataclass(frozen=True)
class TrainerContext:
    """What a training has besides what it learns from: a place to resume from, other processes, a way to run."""

    checkpoint: TrainingCheckpoint | None = None
    process_group: ProcessGroup = SINGLE_PROCESS
    device: torch.device | None = None  # of this process, where a launcher has chosen it
    run_params: RunParams = field(default_factory=RunParams)
    warm_start: WarmStartModel | None = None  # the model to begin from; None: cold


def train(
    training_set: TrainingSet,
    params: TrainParams,
    device: Device = "auto",
    on_epoch: Callable[[EpochMetrics], None] = lambda _: None,
    context: TrainerContext | None = None,
) -> TrainingResult:
    """A model trained on what landed by the cut; the same seed gives the same weights on the same CPU.

    Raises FreshetError if there is too little to learn from, the device is not there, or the loss is not finite.
    """
    previous_train_until = context.warm_start.train_until if context and context.warm_start else None
    return fit(
        split_training_set(training_set, params, previous_train_until),
        training_set.vocabulary,
        params,
        device,
        on_epoch,
        context,
    )


def fit(
    train_split: TrainValidationSplit,
    vocabulary: Vocabulary,
    params: TrainParams,
    device: Device = "auto",
    on_epoch: Callable[[EpochMetrics], None] = lambda _: None,
    context: TrainerContext | None = None,
) -> TrainingResult:
    """A model that has learned what `taught` teaches, with the weights that did best on what it holds out.

    With a place to resume from, a training that was killed goes on where it stood and ends with the same weights.
    Raises FreshetError if the device is not there, or the loss is not finite.
    """
    context = context or TrainerContext()
    training_device = context.device or devices.select_device(device)
    if context.process_group.world_size == 1:
        devices.use_all_cores()
    if is_onnx_model(params.model_class):
        return _evaluate_only(
            build_initial_model(vocabulary, train_split.dataset, params), train_split, params, len(vocabulary)
        )
    resolved_params = params.resolve_defaults(len(train_split.dataset.items), len(vocabulary))
    effective_params = warm_params(resolved_params) if context.warm_start else resolved_params
    model = build_initial_model(vocabulary, train_split.dataset, resolved_params, context.warm_start).to(
        training_device
    )
    state = init_train_state(
        model, train_split.dataset, effective_params, training_device, context.run_params.precision
    )
    log.info(
        "training on %s: %d events, %d items",
        devices.device_name(training_device),
        len(train_split.dataset.items),
        model.config.n_items,
    )
    if context.checkpoint is not None and context.checkpoint.load(state, context.process_group):
        log.info("going on after step %d, epoch %d, of the training that was stopped", state.step, len(state.curve))
    _training_loop(state, train_split, effective_params, context, on_epoch)
    return _training_result(state, train_split, params, len(vocabulary), context.warm_start)


def _evaluate_only(
    model: Model, train_split: TrainValidationSplit, params: TrainParams, n_items: int
) -> TrainingResult:
    """An encoder that was trained elsewhere: nothing is done but asking it what is held out."""
    started = time.perf_counter()
    model.eval()
    loss = validation_loss(model, train_split.validation_cases, params.max_history)
    score = mean_ndcg(model, train_split.validation_cases, params.max_history, train_split.exclude_seen)
    seconds, device = time.perf_counter() - started, torch.device("cpu")
    metrics = EpochMetrics(0, 0, loss, score, seconds, 0.0)
    cost = devices.device_name(device), seconds, 0.0, devices.peak_memory(device)
    tables, blended_ndcg = _tune_blend(model, train_split, n_items)
    return TrainingResult(model, model.config, params, (metrics,), metrics, tables, blended_ndcg, *cost)


def _training_loop(
    state: TrainState,
    train_split: TrainValidationSplit,
    params: TrainParams,
    context: TrainerContext,
    on_epoch: Callable[[EpochMetrics], None],
) -> None:
    """Epoch after epoch, until nothing gets better, the last one is over, or the time is."""
    clock = _TrainingClock(time.perf_counter(), state.seconds)
    state.model.train()
    while not state.is_finished:
        saved_at = clock.elapsed()
        for _ in train_epoch(state, train_split.dataset, params, context.process_group):
            if context.checkpoint is not None and clock.elapsed() - saved_at >= context.checkpoint.interval_s:
                state.seconds = clock.elapsed()
                _save_checkpoint(state, context)
                saved_at = clock.elapsed()  # however long that took, the next state is as many seconds away
        _end_epoch(state, train_split, params, context.process_group, clock)
        _save_checkpoint(state, context)
        on_epoch(state.curve[-1])


def _end_epoch(
    state: TrainState,
    train_split: TrainValidationSplit,
    params: TrainParams,
    process_group: ProcessGroup,
    clock: "_TrainingClock",
) -> None:
    """The end of an epoch: its loss, its score, whether it is the best so far, and whether it is the last."""
    loss = mean_loss(state, params)
    local_cases = train_split.validation_cases.take(slice(process_group.rank, None, process_group.world_size))
    ndcg_sum = mean_ndcg(state.model, local_cases, params.max_history, train_split.exclude_seen) * len(local_cases)
    # Every process must come to the same end: the score is everybody's, the time is the first one's.
    totals = process_group.all_reduce_sum([ndcg_sum, clock.elapsed() if process_group.is_main else 0.0], state.device)
    score, state.seconds = totals[0] / max(1, len(train_split.validation_cases)), totals[1]
    state.device_name = (
        devices.device_name(state.device)
        if process_group.world_size == 1
        else f"{process_group.world_size} × {devices.device_name(state.device)}"
    )
    state.peak_memory = max(state.peak_memory, devices.peak_memory(state.device))
    epoch = len(state.curve) + 1
    state.curve.append(_epoch_metrics(epoch, state.max_epochs, 60 * params.max_minutes, loss, score, state.seconds))
    state.epoch_losses.clear()
    best = state.best_epoch.epoch
    if best == epoch:
        state.best_weights = {name: value.detach().clone() for name, value in state.model.state_dict().items()}
    out_of_time = state.seconds > 60 * params.max_minutes
    state.is_finished = epoch >= state.max_epochs or epoch - best >= params.patience or out_of_time


def _save_checkpoint(state: TrainState, context: TrainerContext) -> None:
    if context.checkpoint is not None and context.process_group.is_main:
        context.checkpoint.save(state)


def _training_result(
    state: TrainState,
    train_split: TrainValidationSplit,
    params: TrainParams,
    n_items: int,
    warm_start: WarmStartModel | None,
) -> TrainingResult:
    state.model.load_state_dict(state.best_weights)
    if isinstance(state.model, Recommender):
        refit_content(
            state.model, events_per_item(train_split.dataset, len(state.model.observed_items)).to(state.device)
        )
    state.model.eval()
    events_per_second = len(state.curve) * len(train_split.dataset.items) / state.seconds
    tables, blended_ndcg = _tune_blend(state.model, train_split, n_items)
    outcome = state.model, state.model.config, params, tuple(state.curve), state.best_epoch, tables, blended_ndcg
    cost = state.device_name, state.seconds, events_per_second, state.peak_memory
    if warm_start is None:
        return TrainingResult(*outcome, *cost)
    return TrainingResult(
        *outcome, *cost, warm_start.model_id, _measure_forgetting(state, train_split, params, warm_start)
    )


def _tune_blend(model: Model, train_split: TrainValidationSplit, n_items: int) -> tuple[BlendTables, float]:
    """Tells the model how far to trust the tables. The tables, and the NDCG@10 of what is held out with them."""
    tables = BlendTables.fit(train_split.train_histories, n_items)
    blend, blended_ndcg = tune_blend(model, train_split, tables)
    model.config = replace(model.config, blend=blend)
    return tables, blended_ndcg


def _measure_forgetting(
    state: TrainState, train_split: TrainValidationSplit, params: TrainParams, warm_start: WarmStartModel
) -> ForgettingReport | None:
    if train_split.retention_cases is None or len(train_split.retention_cases) == 0:
        return None
    models = warm_start.model.to(state.device), state.model
    previous_ndcg, current_ndcg = (
        mean_ndcg(model, train_split.retention_cases, params.max_history, train_split.exclude_seen) for model in models
    )
    return ForgettingReport(len(train_split.retention_cases), previous_ndcg, current_ndcg)


def _epoch_metrics(
    epoch: int, max_epochs: int, max_seconds: float, loss: float, score: float, seconds: float
) -> EpochMetrics:
    seconds_left = min(seconds / epoch * (max_epochs - epoch), max(0.0, max_seconds - seconds))
    return EpochMetrics(epoch, max_epochs, loss, score, seconds, seconds_left)


@dataclass(frozen=True)
class _TrainingClock:
    """Seconds of training: those of processes before this one, and its own."""

    started: float
    previous_seconds: float

    def elapsed(self) -> float:
        return self.previous_seconds + time.perf_counter() - self.started
