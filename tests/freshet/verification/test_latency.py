"""The latency gate measures the bundle, not other load on the machine."""

import subprocess
import sys

import numpy as np
import pytest

from freshet.inference.bundle import open_bundle
from freshet.inference.ranker import open_ranker
from freshet.verification.latency import MAX_P99_MS, MAX_ROUND_HISTORIES, LatencyReport, measure_latency
from tests.tiny_bundle import encoder_input, view_histories, write_bundle


@pytest.fixture
def ranker(tmp_path):
    write_bundle(tmp_path)
    return open_ranker(open_bundle(tmp_path), threads=1)


class BusyEncoder:
    """An encoder that computes in vain for so many milliseconds of processor time."""

    def __init__(self, session, milliseconds):
        self._session, self._milliseconds = session, milliseconds

    def run(self, *run_arguments):
        import time

        deadline = time.thread_time() + self._milliseconds / 1000
        while time.thread_time() < deadline:
            pass
        return self._session.run(*run_arguments)


def slow_ranker(ranker, milliseconds):
    from dataclasses import replace

    return replace(ranker, session=BusyEncoder(ranker.session, milliseconds))


def test_latency_is_that_of_single_requests(ranker):
    latencies = measure_latency(ranker, encoder_input(view_histories(["a"], ["b", "c"])))
    assert 0 < latencies.median_ms <= latencies.p99_ms
    assert 0 < latencies.encoder_share <= 1
    assert latencies.champion_p99_ms is None


@pytest.fixture
def busy_processes():
    """Busy processes, more than any test machine has cores."""
    import os

    spin = [sys.executable, "-c", "while True: pass"]
    running = [subprocess.Popen(spin) for _ in range((os.cpu_count() or 1) + 1)]
    yield
    for one in running:
        one.kill()
        one.wait()


def test_other_load_neither_refuses_a_fast_bundle_nor_hides_a_slow_one(ranker, busy_processes, monkeypatch):
    monkeypatch.setattr("freshet.verification.latency.MEASURED_ROUNDS", 2)
    batch = encoder_input(view_histories(["b", "c"]))
    fast_bundle, slow_bundle = (
        measure_latency(slow_ranker(ranker, 15), batch, ranker),
        measure_latency(slow_ranker(ranker, 130), batch, ranker),
    )
    assert fast_bundle.gated_p99_ms < MAX_P99_MS < slow_bundle.gated_p99_ms
    assert slow_bundle.advice.startswith("the encoder takes ")
    assert slow_bundle.champion_p99_ms is not None
    assert slow_bundle.champion_p99_ms < MAX_P99_MS


def test_on_a_gpu_latency_is_wall_time():
    assert LatencyReport(100.0, 150.0, 5.0, 0.9).gated_p99_ms == 5.0
    assert LatencyReport(100.0, 150.0, 5.0, 0.9, device="cuda").gated_p99_ms == 150.0


def test_a_champion_that_is_as_slow_points_to_the_machine():
    assert "the champion is as slow on this machine" in LatencyReport(100.0, 130.0, 130.0, 0.9, 125.0, 125.0).sentence
    assert LatencyReport(100.0, 130.0, 130.0, 0.2, 50.0, 50.0).advice == (
        "scoring all items takes 80% of it: lower `ensemble_size` or `embedding_dim`"
    )


def test_bundle_and_champion_are_compared_by_the_same_clock():
    busy = LatencyReport(
        100.0, 240.0, 130.0, 0.9, champion_p99_ms=125.0, champion_cpu_p99_ms=30.0
    )  # a neighbour computes
    assert busy.champion_gated_p99_ms == 30.0
    assert busy.advice.startswith("the encoder takes 90% of it")
    assert "; the champion takes 30.0 ms)" in busy.sentence
    waits = LatencyReport(100.0, 130.0, 5.0, 0.9, champion_p99_ms=125.0, champion_cpu_p99_ms=5.0, device="cuda")
    assert waits.champion_gated_p99_ms == 125.0


def test_the_latency_of_a_champion_with_a_smaller_vocabulary_is_measured(ranker):
    batch = encoder_input(view_histories(*([["a", "f"]] * (MAX_ROUND_HISTORIES + 5))))
    large = type(batch)(batch.offsets, batch.items + 1000, batch.types, batch.gaps, batch.times)
    latencies = measure_latency(ranker, batch, ranker)
    assert latencies.champion_p99_ms is not None
    assert 0 < latencies.champion_gated_p99_ms <= latencies.champion_p99_ms
    assert np.isfinite(measure_latency(ranker, large).p99_ms)
