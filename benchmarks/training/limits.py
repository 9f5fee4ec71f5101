"""Where the time of a training step goes, and what this machine could do at most: FLOP and bytes, counted and measured.

Counted per asked item of a packed batch, forward and back (a product costs twice as much back as forward):
blocks 6 · weights of the matrices that every event passes; item scores 6 · numbers of an item's vector · items.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.quality.files import read_interactions
from benchmarks.quality.splits import leave_one_out
from benchmarks.training.ours import prepared
from benchmarks.training.runs import Sizes

if TYPE_CHECKING:
    import torch

    from freshet.model.course import Course

STEPS = 20  # profiled, after as many warm ones
GROUPS = 14  # shown
EDGE, COPIED = 2048, 1 << 26  # of the square product; numbers copied: 256 MiB


@dataclass(frozen=True)
class Limit:
    """What a step needs, and what the machine gives."""

    flop: float  # of one asked item
    logit_bytes: float  # of one asked item's scores, written or read once
    flops: float  # a second, measured: a large product of fp32 matrices
    bandwidth: float  # bytes a second, measured: a copy, read and written

    @property
    def by_flop(self) -> float:
        """Interactions a second if nothing but the products took time."""
        return self.flops / self.flop

    @property
    def by_bytes(self) -> float:
        """Interactions a second if nothing but moving the scores took time: written, read, and back the same."""
        return self.bandwidth / (4 * self.logit_bytes)


def profile(file: Path, sizes: Sizes, overrides: list[str]) -> tuple[str, Limit]:
    """(the table of the operations that take most, the limit) of Freshet's training on `file`."""
    import torch
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as watched

    ready = prepared(leave_one_out(read_interactions(file)), sizes, 1, overrides)
    course, steps = ready.course, ready.steps()
    for _ in range(STEPS):
        next(steps)
    on_gpu = course.place.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with watched(activities=activities) as found:
        for _ in range(STEPS):
            next(steps)
    key = "self_cuda_time_total" if on_gpu else "self_cpu_time_total"
    table = found.key_averages().table(sort_by=key, row_limit=GROUPS, max_name_column_width=48)
    if on_gpu:
        torch.cuda.synchronize()
    return table, _limit(course)


def _limit(course: "Course") -> Limit:
    tables = [p for name, p in course.model.named_parameters() if name.startswith("items.")]
    passed = sum(
        p.numel() for name, p in course.model.named_parameters() if not name.startswith("items.") and p.dim() == 2
    )
    items, width = max((p.shape for p in tables if p.dim() == 2), key=lambda shape: shape[0])
    return Limit(6.0 * passed + 6.0 * width * items, 4.0 * items, *_machine(course.place))


def _machine(place: "torch.device") -> tuple[float, float]:
    """(FLOP a second of a large fp32 product, bytes a second of a copy): the best of five each."""
    import torch

    a, b = torch.randn(2, EDGE, EDGE, device=place)
    source = torch.ones(COPIED, device=place)
    target = torch.empty_like(source)
    product, copied = _best(lambda: torch.mm(a, b), place), _best(lambda: target.copy_(source), place)
    return 2.0 * EDGE**3 / product, 2.0 * 4 * COPIED / copied


def _best(work: Callable[[], object], place: "torch.device") -> float:
    import torch

    times = []
    for _ in range(6):
        begun = time.perf_counter()
        work()
        if place.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - begun)
    return min(times[1:])
