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

from freshet.data.history import ModelInput
from freshet.inference.ranker import Device, Ranker
from freshet.inference.scoring import slice_batch, top_k

MEASURED_ROUNDS: Final = 5
MAX_ROUND_HISTORIES: Final = 60  # asked a round
MAX_P99_MS: Final = 100.0  # ms at the 99th percentile that a bundle is refused above
MAX_CHAMPION_RATIO: Final = 1.2  # times what the champion takes: beyond measuring

Milliseconds = NDArray[np.float64]


@dataclass(frozen=True)
class LatencyReport:
    """Milliseconds of one request of one shopper, from history to top k; each request's best round."""

    median_ms: float
    p99_ms: float
    cpu_p99_ms: float  # of the thread that asks
    encoder_share: float  # the median share of it that the shopper encoder takes, 0 … 1
    champion_p99_ms: float | None = None  # asked in the same rounds; None where none serves
    champion_cpu_p99_ms: float | None = None
    device: Device = "cpu"
    rounds: int = MEASURED_ROUNDS

    @property
    def gated_p99_ms(self) -> float:
        """What the limit is held against: processor time, in which a neighbour's load does not show.

        A thread that waits for a GPU uses no processor, so there it is the wall clock.
        """
        return self._gated_p99_ms(self.p99_ms, self.cpu_p99_ms)

    @property
    def champion_gated_p99_ms(self) -> float | None:
        """The champion by the same clock; None where none serves."""
        wall, cpu = self.champion_p99_ms, self.champion_cpu_p99_ms
        return None if wall is None or cpu is None else self._gated_p99_ms(wall, cpu)

    def _gated_p99_ms(self, wall: float, cpu: float) -> float:
        return wall if self.device == "cuda" else min(wall, cpu)

    @property
    def sentence(self) -> str:
        """All of it, for people."""
        champion = self.champion_gated_p99_ms
        champion_text = "" if champion is None else f"; the champion beside it {champion:.1f} ms"
        return (
            f"one request takes {self.gated_p99_ms:.1f} ms (99th percentile of the best of {self.rounds} rounds; by the wall "
            f"clock {self.p99_ms:.1f} ms, of processor time {self.cpu_p99_ms:.1f} ms{champion_text}); {self.advice}"
        )

    @property
    def advice(self) -> str:
        """What would make it faster, or whose fault it is."""
        champion = self.champion_gated_p99_ms
        if champion is not None and champion > MAX_P99_MS and self.gated_p99_ms <= MAX_CHAMPION_RATIO * champion:
            return "the champion is as slow here: give this machine less to do, or run the asset on a faster one"
        if self.encoder_share >= 0.5:
            return f"the encoder takes {self.encoder_share:.0%} of it: lower `width`, `blocks`, `members` or `length`"
        return f"scoring all items takes {1 - self.encoder_share:.0%} of it: lower `members` or `vector`"


def measure_latency(
    ranker: Ranker, batch: ModelInput, champion: Ranker | None = None, device: Device = "cpu", k: int = 20
) -> LatencyReport:
    """One request at a time, as a shopper causes it, over the batch's histories; the first round warms up.

    champion: asked the same histories in turn with it (those of its own vocabulary; only the time counts).
    """
    count = min(MAX_ROUND_HISTORIES, len(batch.offsets) - 1)
    rounds = [
        [_timings(timed_ranker, batch, count, k) for timed_ranker in _rankers(ranker, champion)]
        for _ in range(MEASURED_ROUNDS + 1)
    ][1:]
    wall_times, cpu_times, encoder_times = (
        np.min([challenger_times[clock] for challenger_times, *_ in rounds], axis=0) for clock in range(3)
    )
    champion_p99s = [
        None if champion is None else _p99(np.min([champion_times[clock] for _, champion_times in rounds], axis=0))
        for clock in range(2)
    ]
    encoder_share = float(np.median(np.minimum(encoder_times / np.maximum(wall_times, 1e-9), 1.0)))
    return LatencyReport(
        float(np.median(wall_times)),
        _p99(wall_times),
        _p99(cpu_times),
        encoder_share,
        champion_p99s[0],
        champion_p99s[1],
        device,
    )


def _rankers(ranker: Ranker, champion: Ranker | None) -> Sequence[Ranker]:
    return (ranker,) if champion is None else (ranker, champion)


def _timings(ranker: Ranker, batch: ModelInput, count: int, k: int) -> tuple[Milliseconds, Milliseconds, Milliseconds]:
    """(n,) each: milliseconds of every request by the wall clock, of processor time, and of its encoder alone."""
    timings = np.zeros((3, count))
    for number in range(count):
        request = _fit_to_ranker(slice_batch(batch, number, number + 1), ranker)
        wall, cpu = time.perf_counter(), time.thread_time()
        top_k(ranker.score(request), k)
        timings[:2, number] = time.perf_counter() - wall, time.thread_time() - cpu
        wall = time.perf_counter()
        ranker.encode(request)
        timings[2, number] = time.perf_counter() - wall
    wall_times, cpu_times, encoder_times = 1000 * timings
    return wall_times, cpu_times, encoder_times


def _fit_to_ranker(request: ModelInput, ranker: Ranker) -> ModelInput:
    """A history that the ranker can read: its latest events, of items that are in its vocabulary."""
    latest = slice(max(0, len(request.items) - ranker.max_history), None)
    items = 1 + (request.items[latest] - 1) % max(1, ranker.n_scores - 1)
    offsets = np.array([0, len(items)], dtype=np.int64)
    return ModelInput(offsets, items, request.types[latest], request.gaps[latest], request.times[latest])


def _p99(values: Milliseconds) -> float:
    return float(np.quantile(values, 0.99)) if len(values) else 0.0
