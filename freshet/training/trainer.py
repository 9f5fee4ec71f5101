"""The trainer: from a training set to the best weights, in one loop."""

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
    """The model with the weights of its best epoch, its metrics and its cost."""

    model: Model
    config: ModelConfig
    params: TrainParams
    curve: tuple[EpochMetrics, ...]
    best: EpochMetrics
    tables: BlendTables  # of the training histories, for the blend in `config`
    blended_ndcg_at_10: float  # with `tables`, on at most 2,000 of the held-out baskets
    device: str
    seconds: float
    events_per_second: float  # packed events, forward and backward
    peak_memory: int  # bytes
    used_sampling: bool = False  # whether the training loss is an estimate from sampled negatives
    warm_start_id: str = ""  # id of the model that a warm start began with, "" for a cold start
    forgetting: ForgettingReport | None = None  # of a warm start


@dataclass(frozen=True)
class TrainerContext:
    """The surroundings of a training: its checkpoint, processes, device, run parameters and warm-start model."""

    checkpoint: TrainingCheckpoint | None = None
    process_group: ProcessGroup = SINGLE_PROCESS
    device: torch.device | None = None  # of this process, if a launcher has chosen it
    run_params: RunParams = field(default_factory=RunParams)
    warm_start: WarmStartModel | None = None  # None: a cold start


def train(
    training_set: TrainingSet,
    params: TrainParams,
    device: Device = "auto",
    on_epoch: Callable[[EpochMetrics], None] = lambda _: None,
    context: TrainerContext | None = None,
) -> TrainingResult:
    """Split the training set and train on it; the same seed gives the same weights on the same CPU.

    Raises FreshetError if the training set is too small, the device is not available, or the loss is not finite.
    """
    previous_train_until = context.warm_start.train_until if context and context.warm_start else None
    train_split = split_training_set(training_set, params, previous_train_until)
    return fit(train_split, training_set.vocabulary, params, device, on_epoch, context)


def fit(
    train_split: TrainValidationSplit,
    vocabulary: Vocabulary,
    params: TrainParams,
    device: Device = "auto",
    on_epoch: Callable[[EpochMetrics], None] = lambda _: None,
    context: TrainerContext | None = None,
) -> TrainingResult:
    """Train on the split and return the model with the best validation weights.

    With a checkpoint, a training that was killed resumes and ends with the same weights.
    Raises FreshetError if the device is not available, or the loss is not finite.
    """
    context = context or TrainerContext()
    training_device = context.device or devices.select_device(device)
    if context.process_group.world_size == 1:
        devices.use_all_cores()
    if is_onnx_model(params.model_class):
        return _evaluate_only(train_split, vocabulary, params)
    resolved_params = params.resolve_defaults(len(train_split.dataset.items), len(vocabulary))
    effective_params = warm_params(resolved_params) if context.warm_start else resolved_params
    model = build_initial_model(vocabulary, train_split.dataset, resolved_params, context.warm_start)
    state = _load_or_init_state(model.to(training_device), train_split, effective_params, training_device, context)
    _training_loop(state, train_split, effective_params, context, on_epoch)
    return _training_result(state, train_split, params, len(vocabulary), context.warm_start)


def _load_or_init_state(
    model: Model,
    train_split: TrainValidationSplit,
    params: TrainParams,
    device: torch.device,
    context: TrainerContext,
) -> TrainState:
    """Return the training state of the checkpoint, if there is one, otherwise the initial state."""
    n_events, n_items = len(train_split.dataset.items), model.config.n_items
    state = init_train_state(model, train_split.dataset, params, device, context.run_params.precision)
    log.info("training on %s: %d events, %d items", devices.device_name(device), n_events, n_items)
    if context.checkpoint is not None and context.checkpoint.load(state, context.process_group):
        log.info("resuming the interrupted training after step %d, epoch %d", state.step, len(state.curve))
    return state


def _evaluate_only(train_split: TrainValidationSplit, vocabulary: Vocabulary, params: TrainParams) -> TrainingResult:
    """Return the validation metrics of an encoder that was trained elsewhere, without training it."""
    model = build_initial_model(vocabulary, train_split.dataset, params).eval()
    started = time.perf_counter()
    loss = validation_loss(model, train_split.validation_cases, params.max_history)
    score = mean_ndcg(model, train_split.validation_cases, params.max_history, train_split.exclude_seen)
    seconds, device = time.perf_counter() - started, torch.device("cpu")
    metrics = EpochMetrics(epoch=0, max_epochs=0, loss=loss, ndcg_at_10=score, seconds=seconds, seconds_left=0.0)
    tables, blended_ndcg = _tune_blend(model, train_split, len(vocabulary))
    return TrainingResult(
        model=model,
        config=model.config,
        params=params,
        curve=(metrics,),
        best=metrics,
        tables=tables,
        blended_ndcg_at_10=blended_ndcg,
        device=devices.device_name(device),
        seconds=seconds,
        events_per_second=0.0,
        peak_memory=devices.peak_memory(device),
    )


def _training_loop(
    state: TrainState,
    train_split: TrainValidationSplit,
    params: TrainParams,
    context: TrainerContext,
    on_epoch: Callable[[EpochMetrics], None],
) -> None:
    """Train epoch by epoch, until early stopping, the last epoch, or the time limit."""
    clock = _TrainingClock(time.perf_counter(), state.seconds)
    state.model.train()
    while not state.is_finished:
        saved_at = clock.elapsed()
        for _ in train_epoch(state, train_split.dataset, params, context.process_group):
            if context.checkpoint is not None and clock.elapsed() - saved_at >= context.checkpoint.interval_s:
                state.seconds = clock.elapsed()
                _save_checkpoint(state, context)
                saved_at = clock.elapsed()  # the interval starts after the checkpoint is written
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
    """Validate after an epoch, keep the weights if they are the best, and decide whether the training is finished."""
    loss = mean_loss(state, params)
    score, state.seconds = _validate(state, train_split, params, process_group, clock)
    n_processes = f"{process_group.world_size} × " if process_group.world_size > 1 else ""
    state.device_name = f"{n_processes}{devices.device_name(state.device)}"
    state.peak_memory = max(state.peak_memory, devices.peak_memory(state.device))
    max_seconds = 60 * params.max_minutes
    state.curve.append(_epoch_metrics(state, loss, score, max_seconds))
    state.epoch_losses.clear()
    epoch, best_epoch = len(state.curve), state.best_epoch.epoch
    if best_epoch == epoch:
        state.best_weights = {name: value.detach().clone() for name, value in state.model.state_dict().items()}
    is_stalled, is_out_of_time = epoch - best_epoch >= params.patience, state.seconds > max_seconds
    state.is_finished = epoch >= state.max_epochs or is_stalled or is_out_of_time


def _validate(
    state: TrainState,
    train_split: TrainValidationSplit,
    params: TrainParams,
    process_group: ProcessGroup,
    clock: "_TrainingClock",
) -> tuple[float, float]:
    """Return (NDCG@10, elapsed seconds), the same in all processes, so that they stop after the same epoch."""
    local_cases = train_split.validation_cases.take(slice(process_group.rank, None, process_group.world_size))
    ndcg_sum = mean_ndcg(state.model, local_cases, params.max_history, train_split.exclude_seen) * len(local_cases)
    elapsed = clock.elapsed() if process_group.is_main else 0.0
    total_ndcg, seconds = process_group.all_reduce_sum([ndcg_sum, elapsed], state.device)
    return total_ndcg / max(1, len(train_split.validation_cases)), seconds


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
    """Load the best weights, refit the content, tune the blend, and return the result."""
    state.model.load_state_dict(state.best_weights)
    if isinstance(state.model, Recommender):
        item_events = events_per_item(train_split.dataset, len(state.model.observed_items))
        refit_content(state.model, item_events.to(state.device))
    state.model.eval()
    tables, blended_ndcg = _tune_blend(state.model, train_split, n_items)
    return TrainingResult(
        model=state.model,
        config=state.model.config,
        params=params,
        curve=tuple(state.curve),
        best=state.best_epoch,
        tables=tables,
        blended_ndcg_at_10=blended_ndcg,
        device=state.device_name,
        seconds=state.seconds,
        events_per_second=len(state.curve) * len(train_split.dataset.items) / state.seconds,
        peak_memory=state.peak_memory,
        used_sampling=state.sampler is not None,
        warm_start_id=warm_start.model_id if warm_start else "",
        forgetting=_measure_forgetting(state, train_split, params, warm_start) if warm_start else None,
    )


def _tune_blend(model: Model, train_split: TrainValidationSplit, n_items: int) -> tuple[BlendTables, float]:
    """Set the blend in the model's config; return the blend tables and the blended NDCG@10 on the held-out baskets."""
    tables = BlendTables.fit(train_split.train_histories, n_items)
    blend, blended_ndcg = tune_blend(model, train_split, tables)
    model.config = replace(model.config, blend=blend)
    return tables, blended_ndcg


def _measure_forgetting(
    state: TrainState, train_split: TrainValidationSplit, params: TrainParams, warm_start: WarmStartModel
) -> ForgettingReport | None:
    cases = train_split.retention_cases
    if cases is None or len(cases) == 0:
        return None
    models = warm_start.model.to(state.device), state.model
    previous_ndcg, current_ndcg = (
        mean_ndcg(model, cases, params.max_history, train_split.exclude_seen) for model in models
    )
    return ForgettingReport(len(cases), previous_ndcg, current_ndcg)


def _epoch_metrics(state: TrainState, loss: float, score: float, max_seconds: float) -> EpochMetrics:
    """Return the metrics of the epoch that has just ended."""
    epoch = len(state.curve) + 1
    seconds_left = min(state.seconds / epoch * (state.max_epochs - epoch), max(0.0, max_seconds - state.seconds))
    return EpochMetrics(
        epoch=epoch,
        max_epochs=state.max_epochs,
        loss=loss,
        ndcg_at_10=score,
        seconds=state.seconds,
        seconds_left=seconds_left,
    )


@dataclass(frozen=True)
class _TrainingClock:
    """Seconds of training, including those of interrupted processes before this one."""

    started: float
    previous_seconds: float

    def elapsed(self) -> float:
        return self.previous_seconds + time.perf_counter() - self.started
