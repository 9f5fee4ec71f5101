"""Speed and time to quality of a measured training."""

import pytest

from benchmarks.training.runs import TrainingRun, run_figures, seconds_to_target

RUN = TrainingRun(
    epoch_seconds=(9.0, 2.0, 4.0),
    ndcg=(0.01, 0.03, 0.02),
    interactions=1000,
    setup_seconds=5.0,
    evaluation_seconds=6.0,
    peak_mib=100.4,
    device="cpu",
)


def test_speed_is_that_of_the_median_epoch():
    assert RUN.interactions_per_second == pytest.approx(1000 / 4)


def test_seconds_to_a_quality_count_up_to_the_first_epoch_that_has_it():
    assert seconds_to_target(0.02, RUN.epoch_seconds, RUN.ndcg) == 11.0
    assert seconds_to_target(0.01, RUN.epoch_seconds, RUN.ndcg) == 9.0


def test_a_quality_that_is_never_reached_has_no_seconds():
    assert seconds_to_target(0.04, RUN.epoch_seconds, RUN.ndcg) is None
    assert run_figures(RUN, 0.04)["seconds_to_quality"] is None


def test_set_up_and_evaluation_are_not_in_the_speed():
    actual = run_figures(RUN, 0.03)
    assert actual["seconds_to_quality"] == 11.0
    assert actual["set_up_seconds"] == 5.0
    assert actual["evaluation_seconds"] == 6.0
