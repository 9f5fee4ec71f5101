"""Freshet's training, an epoch at a time, in a process of its own: so that its peak memory is its own."""

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
from benchmarks.quality.ours import parameters
from benchmarks.quality.splits import Split, leave_one_out
from benchmarks.report import say
from benchmarks.training.runs import Run, Sizes

if TYPE_CHECKING:
    import torch

    from freshet.model.corpus import Corpus
    from freshet.model.course import Course
    from freshet.model.params import TrainParams

SMALLEST = 512  # events a batch may hold at most, at least: TrainParams allows no less


def measure(file: Path, sizes: Sizes, epochs: int, overrides: Sequence[str]) -> Run:
    """Trains on `file` for `epochs` in a new process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(trained, file, sizes, epochs, tuple(overrides)).result()


def trained(file: Path, sizes: Sizes, epochs: int, overrides: Sequence[str]) -> Run:
    """Reads, trains epoch after epoch, and asks the validation after each."""
    from freshet.model import device as devices
    from freshet.model.course import mean_loss
    from freshet.model.validation import ndcg

    split = leave_one_out(read_interactions(file))
    begun = time.perf_counter()
    ready = prepared(split, sizes, epochs, overrides)
    course, params = ready.course, ready.params
    clock, seconds, scores = Clock(course.place), [], []
    set_up = time.perf_counter() - begun
    for epoch in range(1, epochs + 1):
        clock.start()
        for _ in ready.steps():
            pass
        loss = mean_loss(course, params)
        seconds.append(clock.stop())
        course.losses.clear()
        scores.append(ndcg(course.model, split.validation, params.length, split.exclude_seen))
        clock.judged()
        say(f"Freshet, epoch {epoch}: loss {loss:.4f}, NDCG@10 {scores[-1]:.4f}, {seconds[-1]:.1f} s")
    peak = devices.peak_memory(course.place) / 2**20
    kept = tuple(seconds), tuple(scores), ready.interactions
    return Run(*kept, set_up, clock.evaluation, peak, devices.name(course.place))


@dataclass(frozen=True)
class Prepared:
    """A training before its first step."""

    corpus: "Corpus"
    params: "TrainParams"
    course: "Course"

    @property
    def interactions(self) -> int:
        """Rows of an epoch that are asked what comes next."""
        following = self.corpus.following
        return int(np.count_nonzero(following[:, 1] > following[:, 0]))

    def steps(self) -> Iterator[None]:
        """Those of one epoch."""
        from freshet.model.course import train_epoch
        from freshet.model.ranks import Ranks

        self.course.model.train()
        return train_epoch(self.course, self.corpus, self.params, Ranks())


def prepared(split: Split, sizes: Sizes, epochs: int, overrides: Sequence[str]) -> Prepared:
    """As `fit` would begin, on the best device there is."""
    from freshet.model import device as devices
    from freshet.model.corpus import corpus
    from freshet.model.course import begun
    from freshet.model.run_params import RunParams
    from freshet.model.start import untrained

    place = devices.pick("auto")
    devices.use_all_cores()
    learned, params = corpus(split.train), like(sizes, split, epochs, overrides)
    model = untrained(split.vocabulary, learned, params).to(place)
    course = begun(model, learned, params, place, RunParams().precision)
    return Prepared(learned, params, course)


def like(sizes: Sizes, split: Split, epochs: int, overrides: Sequence[str]) -> "TrainParams":
    """Parameters of this size; a batch holds as many events as `sizes.batch` histories do on average."""
    from freshet.model.params import TrainParams

    lengths = np.minimum(np.diff(split.train.offsets), sizes.length)
    rows = sizes.batch * float(lengths[lengths > 0].mean())
    wanted = {
        "width": sizes.width,
        "vector": sizes.width,
        "blocks": sizes.blocks,
        "heads": sizes.heads,
        "members": 1,  # as the peer
        "negatives": len(split.vocabulary),  # all items, as the peer
        "length": sizes.length,
        "dropout": sizes.dropout,
        "steps_per_epoch": max(1, math.ceil(len(split.train.items) / rows)),
        "batch_rows": max(SMALLEST, math.ceil(2 * rows)),
        "max_epochs": epochs,
    }
    known = [f"{name}={value}" for name, value in wanted.items() if name in TrainParams.model_fields]
    return parameters([*known, *overrides])


class Clock:
    """Waits for the device before it looks."""

    def __init__(self, place: "torch.device") -> None:
        self.on_gpu = place.type == "cuda"
        self.evaluation = 0.0
        self.last = 0.0

    def start(self) -> None:
        self.last = self._now()

    def stop(self) -> float:
        before, self.last = self.last, self._now()
        return self.last - before

    def judged(self) -> None:
        self.evaluation += self.stop()

    def _now(self) -> float:
        if self.on_gpu:
            import torch

            torch.cuda.synchronize()
        return time.perf_counter()
