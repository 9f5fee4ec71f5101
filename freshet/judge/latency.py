"""How long one shopper waits for the ranker, measured before a bundle is published so that a neighbour decides nothing.

Every history is asked once a round, and its best round counts: a process that is taken off the processor for a moment
comes back in another round. The processor time of the thread that asks stands beside the wall clock: what a neighbour
takes is not in it. The champion is asked in the same rounds, so that a slow machine is told from a slow bundle.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freshet.history import ModelInput
from freshet.live.ranker import Device, Ranker
from freshet.live.scorer import rows, top_k

ROUNDS: Final = 5
HISTORIES: Final = 60  # asked a round
FAST: Final = 100.0  # ms at the 99th percentile that a bundle is refused above
SLOWER: Final = 1.2  # times what the champion takes: beyond measuring

Milliseconds = NDArray[np.float64]


@dataclass(frozen=True)
class Latency:
    """Milliseconds of one request of one shopper, from history to top k; each request's best round."""

    median: float
    p99: float
    processor_p99: float  # of the thread that asks
    encoder: float  # the median share of it that the shopper encoder takes, 0 … 1
    champion_p99: float | None = None  # asked in the same rounds; None where none serves
    champion_processor_p99: float | None = None
    device: Device = "cpu"
    rounds: int = ROUNDS

    @property
    def judged(self) -> float:
        """What the limit is held against: processor time, in which a neighbour's load does not show.

        A thread that waits for a GPU uses no processor, so there it is the wall clock.
        """
        return self._judged(self.p99, self.processor_p99)

    @property
    def champion_judged(self) -> float | None:
        """The champion by the same clock; None where none serves."""
        wall, processor = self.champion_p99, self.champion_processor_p99
        return None if wall is None or processor is None else self._judged(wall, processor)

    def _judged(self, wall: float, processor: float) -> float:
        return wall if self.device == "cuda" else min(wall, processor)

    @property
    def sentence(self) -> str:
        """All of it, for people."""
        champion = self.champion_judged
        beside = "" if champion is None else f"; the champion beside it {champion:.1f} ms"
        return (
            f"one request takes {self.judged:.1f} ms (99th percentile of the best of {self.rounds} rounds; by the wall "
            f"clock {self.p99:.1f} ms, of processor time {self.processor_p99:.1f} ms{beside}); {self.advice}"
        )

    @property
    def advice(self) -> str:
        """What would make it faster, or whose fault it is."""
        champion = self.champion_judged
        if champion is not None and champion > FAST and self.judged <= SLOWER * champion:
            return "the champion is as slow here: give this machine less to do, or run the asset on a faster one"
        if self.encoder >= 0.5:
            return f"the encoder takes {self.encoder:.0%} of it: lower `width`, `blocks`, `members` or `length`"
        return f"scoring all items takes {1 - self.encoder:.0%} of it: lower `members` or `vector`"


def latency(
    ranker: Ranker, batch: ModelInput, champion: Ranker | None = None, device: Device = "cpu", k: int = 20
) -> Latency:
    """One request at a time, as a shopper causes it, over the batch's histories; the first round warms up.

    champion: asked the same histories in turn with it (those of its own vocabulary; only the time counts).
    """
    count = min(HISTORIES, len(batch.offsets) - 1)
    rounds = [[_timings(one, batch, count, k) for one in _rankers(ranker, champion)] for _ in range(ROUNDS + 1)][1:]
    walls, processors, encoders = (np.min([own[clock] for own, *_ in rounds], axis=0) for clock in range(3))
    beside = [
        None if champion is None else _p99(np.min([other[clock] for _, other in rounds], axis=0)) for clock in range(2)
    ]
    share = float(np.median(np.minimum(encoders / np.maximum(walls, 1e-9), 1.0)))
    return Latency(float(np.median(walls)), _p99(walls), _p99(processors), share, beside[0], beside[1], device)


def _rankers(ranker: Ranker, champion: Ranker | None) -> Sequence[Ranker]:
    return (ranker,) if champion is None else (ranker, champion)


def _timings(ranker: Ranker, batch: ModelInput, count: int, k: int) -> tuple[Milliseconds, Milliseconds, Milliseconds]:
    """(n,) each: milliseconds of every request by the wall clock, of processor time, and of its encoder alone."""
    taken = np.zeros((3, count))
    for number in range(count):
        one = _within(rows(batch, number, number + 1), ranker)
        wall, processor = time.perf_counter(), time.thread_time()
        top_k(ranker.score(one), k)
        taken[:2, number] = time.perf_counter() - wall, time.thread_time() - processor
        wall = time.perf_counter()
        ranker.encode(one)
        taken[2, number] = time.perf_counter() - wall
    walls, processors, encoders = 1000 * taken
    return walls, processors, encoders


def _within(one: ModelInput, ranker: Ranker) -> ModelInput:
    """A history that the ranker can read: its latest events, of items that are in its vocabulary."""
    there = slice(max(0, len(one.items) - ranker.length), None)
    items = 1 + (one.items[there] - 1) % max(1, ranker.width - 1)
    offsets = np.array([0, len(items)], dtype=np.int64)
    return ModelInput(offsets, items, one.types[there], one.gaps[there], one.times[there])


def _p99(values: Milliseconds) -> float:
    return float(np.quantile(values, 0.99)) if len(values) else 0.0
