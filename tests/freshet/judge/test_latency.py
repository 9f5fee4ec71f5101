"""The gate is held against what the bundle takes, not against what a neighbour takes from it."""

import subprocess
import sys

import numpy as np
import pytest

from freshet.judge.latency import FAST, HISTORIES, Latency, latency
from freshet.live.bundle import open_bundle
from freshet.live.ranker import open_ranker
from tests.tiny_bundle import asked_input, history, write_bundle


@pytest.fixture
def ranker(tmp_path):
    write_bundle(tmp_path)
    return open_ranker(open_bundle(tmp_path), threads=1)


class Burning:
    """An encoder that computes in vain for so many milliseconds of processor time."""

    def __init__(self, session, milliseconds):
        self._session, self._milliseconds = session, milliseconds

    def run(self, *asked):
        import time

        until = time.thread_time() + self._milliseconds / 1000
        while time.thread_time() < until:
            pass
        return self._session.run(*asked)


def slow(ranker, milliseconds):
    from dataclasses import replace

    return replace(ranker, session=Burning(ranker.session, milliseconds))


def test_latency_is_that_of_single_requests(ranker):
    taken = latency(ranker, asked_input(history(["a"], ["b", "c"])))
    assert 0 < taken.median <= taken.p99
    assert 0 < taken.encoder <= 1
    assert taken.champion_p99 is None


@pytest.fixture
def neighbours():
    """More processes than any test machine has cores, that do nothing but compute."""
    import os

    spin = [sys.executable, "-c", "while True: pass"]
    running = [subprocess.Popen(spin) for _ in range((os.cpu_count() or 1) + 1)]
    yield
    for one in running:
        one.kill()
        one.wait()


def test_a_neighbours_load_does_not_refuse_an_innocent_bundle_nor_hide_a_slow_one(ranker, neighbours, monkeypatch):
    monkeypatch.setattr("freshet.judge.latency.ROUNDS", 2)
    some = asked_input(history(["b", "c"]))
    innocent, guilty = latency(slow(ranker, 15), some, ranker), latency(slow(ranker, 130), some, ranker)
    assert innocent.judged < FAST < guilty.judged
    assert guilty.advice.startswith("the encoder takes ")
    assert guilty.champion_p99 is not None
    assert guilty.champion_p99 < FAST


def test_what_waits_for_a_gpu_is_judged_by_the_wall_clock():
    assert Latency(100.0, 150.0, 5.0, 0.9).judged == 5.0
    assert Latency(100.0, 150.0, 5.0, 0.9, device="cuda").judged == 150.0


def test_a_champion_that_is_as_slow_points_to_the_machine():
    assert "the champion is as slow here" in Latency(100.0, 130.0, 130.0, 0.9, 125.0, 125.0).sentence
    assert Latency(100.0, 130.0, 130.0, 0.2, 50.0, 50.0).advice == (
        "scoring all items takes 80% of it: lower `members` or `vector`"
    )


def test_bundle_and_champion_are_compared_by_the_same_clock():
    busy = Latency(100.0, 240.0, 130.0, 0.9, champion_p99=125.0, champion_processor_p99=30.0)  # a neighbour computes
    assert busy.champion_judged == 30.0
    assert busy.advice.startswith("the encoder takes 90% of it")
    assert "; the champion beside it 30.0 ms)" in busy.sentence
    waits = Latency(100.0, 130.0, 5.0, 0.9, champion_p99=125.0, champion_processor_p99=5.0, device="cuda")
    assert waits.champion_judged == 125.0


def test_a_champion_with_a_smaller_vocabulary_is_asked_too(ranker):
    batch = asked_input(history(*([["a", "f"]] * (HISTORIES + 5))))
    large = type(batch)(batch.offsets, batch.items + 1000, batch.types, batch.gaps, batch.times)
    taken = latency(ranker, batch, ranker)
    assert taken.champion_p99 is not None
    assert 0 < taken.champion_judged <= taken.champion_p99
    assert np.isfinite(latency(ranker, large).p99)
