"""Freshet's training, measured epoch by epoch in its own process, so that the peak memory is that of the training."""

import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.quality.files import read_interactions
from benchmarks.quality.ours import parse_params
from benchmarks.quality.splits import Split, leave_one_out
from benchmarks.report import print_progress
from benchmarks.training.runs import ModelSizes, TrainingRun

if TYPE_CHECKING:
    import torch

    from freshet.model.params import TrainParams
    from freshet.training.dataset import TrainingDataset
    from freshet.training.state import TrainState

MIN_BATCH_EVENTS = 512  # the smallest `max_batch_events` that TrainParams allows


def measure(file: Path, sizes: ModelSizes, epochs: int, overrides: Sequence[str]) -> TrainingRun:
    """Train on `file` for `epochs` in a new process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(train_and_measure, file, sizes, epochs, tuple(overrides)).result()


def train_and_measure(file: Path, sizes: ModelSizes, epochs: int, overrides: Sequence[str]) -> TrainingRun:
    """Train on `file` in this process and compute the validation NDCG after every epoch."""
    from freshet.model import device as devices
    from freshet.training.state import mean_loss
    from freshet.training.validation import mean_ndcg

    split = leave_one_out(read_interactions(file))
    start = time.perf_counter()
    training = prepare_training(split, sizes, epochs, overrides)
    state, params = training.state, training.params
    clock, seconds, scores = DeviceClock(state.device), [], []
    setup_s = time.perf_counter() - start
    for epoch in range(1, epochs + 1):
        clock.start()
        for _ in training.epoch_steps():
            pass
        loss = mean_loss(state, params)
        seconds.append(clock.stop())
        state.epoch_losses.clear()
        scores.append(mean_ndcg(state.model, split.validation, params.max_history, split.exclude_seen))
        clock.add_evaluation()
        print_progress(f"Freshet, epoch {epoch}: loss {loss:.4f}, NDCG@10 {scores[-1]:.4f}, {seconds[-1]:.1f} s")
    peak = devices.peak_memory(state.device) / 2**20
    return TrainingRun(
        epoch_seconds=tuple(seconds),
        ndcg=tuple(scores),
        interactions=training.n_interactions,
        setup_seconds=setup_s,
        evaluation_seconds=clock.evaluation_seconds,
        peak_mib=peak,
        device=devices.device_name(state.device),
    )


@dataclass(frozen=True)
class PreparedTraining:
    """A training before its first step."""

    dataset: "TrainingDataset"
    params: "TrainParams"
    state: "TrainState"

    @property
    def n_interactions(self) -> int:
        """Number of events in an epoch that have a target."""
        target_ranges = self.dataset.target_ranges
        return int(np.count_nonzero(target_ranges[:, 1] > target_ranges[:, 0]))

    def epoch_steps(self) -> Iterator[None]:
        """Run one epoch, one training step per iteration."""
        from freshet.training.distributed import ProcessGroup
        from freshet.training.state import train_epoch

        self.state.model.train()
        return train_epoch(self.state, self.dataset, self.params, ProcessGroup())


def prepare_training(split: Split, sizes: ModelSizes, epochs: int, overrides: Sequence[str]) -> PreparedTraining:
    """A training as `fit` sets it up, on the best device there is."""
    from freshet.model import device as devices
    from freshet.training.dataset import build_dataset
    from freshet.training.initialisation import build_initial_model
    from freshet.training.run_params import RunParams
    from freshet.training.state import init_train_state

    device = devices.select_device("auto")
    devices.use_all_cores()
    dataset, params = build_dataset(split.train), matching_params(sizes, split, epochs, overrides)
    model = build_initial_model(split.vocabulary, dataset, params).to(device)
    state = init_train_state(model, dataset, params, device, RunParams().precision)
    return PreparedTraining(dataset, params, state)


def matching_params(sizes: ModelSizes, split: Split, epochs: int, overrides: Sequence[str]) -> "TrainParams":
    """Parameters of this size; a batch holds as many events as `sizes.batch_histories` histories do on average."""
    from freshet.model.params import TrainParams

    lengths = np.minimum(np.diff(split.train.offsets), sizes.max_history)
    batch_events = sizes.batch_histories * float(lengths[lengths > 0].mean())
    params = TrainParams(
        hidden_dim=sizes.hidden_dim,
        embedding_dim=sizes.hidden_dim,
        n_layers=sizes.n_layers,
        n_heads=sizes.n_heads,
        ensemble_size=1,  # as the peer
        n_negatives=len(split.vocabulary),  # all items, as the peer
        max_history=sizes.max_history,
        dropout=sizes.dropout,
        steps_per_epoch=max(1, math.ceil(len(split.train.items) / batch_events)),
        max_batch_events=max(MIN_BATCH_EVENTS, math.ceil(2 * batch_events)),
        max_epochs=epochs,
    )
    return parse_params(overrides, params)


class DeviceClock:
    """A stopwatch that waits for the device to finish its work before it reads the time."""

    def __init__(self, device: "torch.device") -> None:
        self.on_gpu = device.type == "cuda"
        self.evaluation_seconds = 0.0
        self.last_time = 0.0

    def start(self) -> None:
        """Start an interval."""
        self.last_time = self._synchronized_time()

    def stop(self) -> float:
        """Seconds since the interval started; the next interval starts here."""
        start_time, self.last_time = self.last_time, self._synchronized_time()
        return self.last_time - start_time

    def add_evaluation(self) -> None:
        """End an interval that was an evaluation."""
        self.evaluation_seconds += self.stop()

    def _synchronized_time(self) -> float:
        if self.on_gpu:
            import torch

            torch.cuda.synchronize()
        return time.perf_counter()
