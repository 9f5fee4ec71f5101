"""Where the time of a training step goes, and the limit of this machine: FLOP and bytes, counted and measured.

FLOP per target of a packed batch, forward and backward (a product costs twice as much backward as forward):
transformer 6 · weights of its matrices; item scores 6 · dimension of an item embedding · items.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.quality.files import read_interactions
from benchmarks.quality.splits import leave_one_out
from benchmarks.report import print_progress
from benchmarks.timing import best_seconds
from benchmarks.training.ours import PreparedTraining, prepare_training
from benchmarks.training.runs import ModelSizes

if TYPE_CHECKING:
    import torch
    from torch.autograd.profiler_util import FunctionEventAvg

    from freshet.training.state import TrainState

PROFILED_STEPS = 10  # after as many steps to warm up
MAX_OPERATIONS = 14  # rows of the table
MATRIX_SIZE, N_COPIED_FLOATS = 2048, 1 << 26  # of the square product; numbers copied: 256 MiB
REPEATS = 5


@dataclass(frozen=True)
class HardwareLimit:
    """What a training step needs per target, and what the machine provides per second."""

    flop_per_target: float
    logit_bytes_per_target: float  # of one target's scores, written or read once
    machine_flops: float  # a second, measured: a large product of fp32 matrices
    machine_bandwidth: float  # bytes a second, measured: a copy, read and written

    @property
    def by_flop(self) -> float:
        """Interactions per second if only the matrix products took time."""
        return self.machine_flops / self.flop_per_target

    @property
    def by_bytes(self) -> float:
        """Interactions per second if only moving the scores took time: written and read, forward and backward."""
        return self.machine_bandwidth / (4 * self.logit_bytes_per_target)


def profile(file: Path, sizes: ModelSizes, overrides: list[str]) -> tuple[str, HardwareLimit]:
    """(a table of the slowest operations, the hardware limit) of Freshet's training on `file`."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as torch_profile

    training = prepare_training(leave_one_out(read_interactions(file)), sizes, 1, overrides)
    _run_steps(training, PROFILED_STEPS)
    on_gpu = training.state.device.type == "cuda"
    print_progress(f"profiling {PROFILED_STEPS} steps")
    with torch_profile(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]) as profiler:
        _run_steps(training, PROFILED_STEPS)
    operation_times = {event.key: (_microseconds(event, on_gpu), event.count) for event in profiler.key_averages()}
    return format_table(operation_times), _hardware_limit(training.state)


def format_table(operation_times: Mapping[str, tuple[float, int]]) -> str:
    """A table for people, the slowest operation first. operation_times: name → (microseconds, calls)."""
    total_us = sum(time_us for time_us, _ in operation_times.values())
    longest = sorted(operation_times.items(), key=lambda item: -item[1][0])[:MAX_OPERATIONS]
    lines = [f"{'operation':44}{'share':>8}{'ms a step':>12}{'calls a step':>14}"]
    for name, (took, calls) in longest:
        lines.append(
            f"{name[:43]:44}{took / total_us:8.1%}{took / 1000 / PROFILED_STEPS:12.2f}{calls / PROFILED_STEPS:14.1f}"
        )
    rest_us = total_us - sum(took for _, (took, _) in longest)
    lines.append(f"{'everything else':44}{rest_us / total_us:8.1%}{rest_us / 1000 / PROFILED_STEPS:12.2f}")
    return "\n".join(lines)


def _run_steps(training: PreparedTraining, steps: int) -> None:
    """Run so many training steps, over as many epochs as needed."""
    n_steps = 0
    while n_steps < steps:
        for _ in islice(training.epoch_steps(), steps - n_steps):
            n_steps += 1
        training.state.epoch_losses.clear()


def _microseconds(event: "FunctionEventAvg", on_gpu: bool) -> float:
    return float(event.self_device_time_total if on_gpu else event.self_cpu_time_total)


def _hardware_limit(state: "TrainState") -> HardwareLimit:
    item_tables = [p for name, p in state.model.named_parameters() if name.startswith("item_encoder.")]
    dense_weights = sum(
        p.numel() for name, p in state.model.named_parameters() if not name.startswith("item_encoder.") and p.dim() == 2
    )
    items, width = max((p.shape for p in item_tables if p.dim() == 2), key=lambda shape: shape[0])
    return HardwareLimit(6.0 * dense_weights + 6.0 * width * items, 4.0 * items, *_measure_machine(state.device))


def _measure_machine(device: "torch.device") -> tuple[float, float]:
    """(FLOP per second of a large fp32 product, bytes per second of a copy): the best of five each."""
    import torch

    a, b = torch.randn(2, MATRIX_SIZE, MATRIX_SIZE, device=device)
    source = torch.ones(N_COPIED_FLOATS, device=device)
    target = torch.empty_like(source)
    product_s = best_seconds(_synchronized(lambda: torch.mm(a, b), device), REPEATS)
    copy_s = best_seconds(_synchronized(lambda: target.copy_(source), device), REPEATS)
    return 2.0 * MATRIX_SIZE**3 / product_s, 2.0 * 4 * N_COPIED_FLOATS / copy_s


def _synchronized(work: Callable[[], object], device: "torch.device") -> Callable[[], None]:
    """The same work, ended when the device has done it."""
    import torch

    def call() -> None:
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return call
