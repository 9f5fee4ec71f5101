"""Where the time of a training step goes, and what this machine could do at most: FLOP and bytes, counted and measured.

Counted per asked item of a packed batch, forward and back (a product costs twice as much back as forward):
blocks 6 · weights of the matrices that every event passes; item scores 6 · numbers of an item's vector · items.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.quality.files import read_interactions
from benchmarks.quality.splits import leave_one_out
from benchmarks.report import say
from benchmarks.training.ours import Prepared, prepared
from benchmarks.training.runs import Sizes

if TYPE_CHECKING:
    import torch
    from torch.autograd.profiler_util import FunctionEventAvg

    from freshet.model.course import Course

STEPS = 10  # profiled, after as many warm ones
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
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as watched

    ready = prepared(leave_one_out(read_interactions(file)), sizes, 1, overrides)
    _take(ready, STEPS)
    on_gpu = ready.course.place.type == "cuda"
    say(f"profiling {STEPS} steps")
    with watched(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]) as found:
        _take(ready, STEPS)
    spent = {event.key: (_microseconds(event, on_gpu), event.count) for event in found.key_averages()}
    return as_table(spent), _limit(ready.course)


def as_table(spent: Mapping[str, tuple[float, int]]) -> str:
    """Operation → (microseconds of its own, calls), as lines for people, the longest first."""
    whole = sum(took for took, _ in spent.values())
    longest = sorted(spent.items(), key=lambda item: -item[1][0])[:GROUPS]
    lines = [f"{'operation':44}{'share':>8}{'ms a step':>12}{'calls a step':>14}"]
    for name, (took, calls) in longest:
        lines.append(f"{name[:43]:44}{took / whole:8.1%}{took / 1000 / STEPS:12.2f}{calls / STEPS:14.1f}")
    rest = whole - sum(took for _, (took, _) in longest)
    lines.append(f"{'everything else':44}{rest / whole:8.1%}{rest / 1000 / STEPS:12.2f}")
    return "\n".join(lines)


def _take(ready: Prepared, steps: int) -> None:
    """So many steps, over as many epochs as they need."""
    taken = 0
    while taken < steps:
        for _ in islice(ready.steps(), steps - taken):
            taken += 1
        ready.course.losses.clear()


def _microseconds(event: "FunctionEventAvg", on_gpu: bool) -> float:
    return float(event.self_device_time_total if on_gpu else event.self_cpu_time_total)


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
