"""Latency of single requests to a ranker, measured so that other load on the machine does not decide the gate.

Every history is scored once per round, and its best round counts, so that a short interruption does not matter. CPU
time of the measuring thread is reported beside wall time, because it excludes other processes. The champion is measured
in the same rounds, to tell a slow machine from a slow bundle.
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
MAX_ROUND_HISTORIES: Final = 60  # requests per round
MAX_P99_MS: Final = 100.0  # a bundle with a higher 99th percentile is refused
MAX_CHAMPION_RATIO: Final = 1.2  # a bundle up to this many times the champion's latency counts as equally fast

Milliseconds = NDArray[np.float64]


@dataclass(frozen=True)
class LatencyReport:
    """Latency of a request with one shopper, from history to top k, in milliseconds; the best round of each."""

    median_ms: float
    p99_ms: float
    cpu_p99_ms: float  # CPU time of the measuring thread
    encoder_share: float  # median share of the shopper encoder, 0 … 1
    champion_p99_ms: float | None = None  # measured in the same rounds; None before the first release
    champion_cpu_p99_ms: float | None = None
    device: Device = "cpu"
    rounds: int = MEASURED_ROUNDS

    @property
    def gated_p99_ms(self) -> float:
        """The 99th percentile that the gate checks: CPU time if it is lower, because it excludes other processes.

        On a GPU it is wall time: a thread that waits for a GPU uses no CPU.
        """
        return self._gated_p99_ms(self.p99_ms, self.cpu_p99_ms)

    @property
    def champion_gated_p99_ms(self) -> float | None:
        """The champion's 99th percentile by the same clock; None without a champion."""
        wall, cpu = self.champion_p99_ms, self.champion_cpu_p99_ms
        return None if wall is None or cpu is None else self._gated_p99_ms(wall, cpu)

    def _gated_p99_ms(self, wall: float, cpu: float) -> float:
        return wall if self.device == "cuda" else min(wall, cpu)

    @property
    def sentence(self) -> str:
        """The measurements and the advice in one sentence."""
        champion = self.champion_gated_p99_ms
        champion_text = "" if champion is None else f"; the champion takes {champion:.1f} ms"
        return (
            f"one request takes {self.gated_p99_ms:.1f} ms (99th percentile of the best of {self.rounds} rounds; wall "
            f"time {self.p99_ms:.1f} ms, CPU time {self.cpu_p99_ms:.1f} ms{champion_text}); {self.advice}"
        )

    @property
    def advice(self) -> str:
        """The parameters to lower, or that the machine is slow."""
        champion = self.champion_gated_p99_ms
        if champion is not None and champion > MAX_P99_MS and self.gated_p99_ms <= MAX_CHAMPION_RATIO * champion:
            return "the champion is as slow on this machine: reduce its load, or run the asset on a faster one"
        if self.encoder_share >= 0.5:
            return (
                f"the encoder takes {self.encoder_share:.0%} of it: "
                "lower `hidden_dim`, `n_layers`, `ensemble_size` or `max_history`"
            )
        return f"scoring all items takes {1 - self.encoder_share:.0%} of it: lower `ensemble_size` or `embedding_dim`"


def measure_latency(
    ranker: Ranker, batch: ModelInput, champion: Ranker | None = None, device: Device = "cpu", k: int = 20
) -> LatencyReport:
    """Measure single requests over the batch's histories; the first round is a warm-up.

    champion: measured in turn on the same histories (mapped to its own vocabulary; only the time matters).
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
        median_ms=float(np.median(wall_times)),
        p99_ms=_p99(wall_times),
        cpu_p99_ms=_p99(cpu_times),
        encoder_share=encoder_share,
        champion_p99_ms=champion_p99s[0],
        champion_cpu_p99_ms=champion_p99s[1],
        device=device,
    )


def _rankers(ranker: Ranker, champion: Ranker | None) -> Sequence[Ranker]:
    return (ranker,) if champion is None else (ranker, champion)


def _timings(ranker: Ranker, batch: ModelInput, count: int, k: int) -> tuple[Milliseconds, Milliseconds, Milliseconds]:
    """(n,) each: wall time, CPU time, and wall time of the encoder alone of every request, in milliseconds."""
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
    """Return the latest events of a history, with items mapped into the ranker's vocabulary."""
    latest = slice(max(0, len(request.items) - ranker.max_history), None)
    items = 1 + (request.items[latest] - 1) % max(1, ranker.n_scores - 1)
    offsets = np.array([0, len(items)], dtype=np.int64)
    return ModelInput(offsets, items, request.types[latest], request.gaps[latest], request.times[latest])


def _p99(values: Milliseconds) -> float:
    return float(np.quantile(values, 0.99)) if len(values) else 0.0
