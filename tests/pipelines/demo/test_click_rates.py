"""Shares with intervals: worked out by hand."""

import math

import pytest

from pipelines.demo.click_rates import Estimate, clustered_mean


def test_the_interval_of_lists_of_different_shoppers_is_that_of_a_share():
    estimate = clustered_mean([1, 2, 3, 4], [1, 0, 0, 0])
    assert estimate.mean == 0.25
    assert estimate.half_width == pytest.approx(1.96 * math.sqrt(0.25 * 0.75 / 4))


def test_four_lists_of_one_shopper_are_no_more_certain_than_one():
    # Sums by shopper of value - mean: 4 · 0.5 and 4 · -0.5; sqrt(2² + 2²) / 8
    estimate = clustered_mean([1, 1, 1, 1, 2, 2, 2, 2], [1, 1, 1, 1, 0, 0, 0, 0])
    assert estimate.half_width == pytest.approx(1.96 * math.sqrt(8) / 8)
    assert estimate.half_width == pytest.approx(clustered_mean([1, 2], [1, 0]).half_width)


def test_a_difference_is_clear_when_zero_is_outside_its_interval():
    assert Estimate(0.012, 0.004).is_clear
    assert Estimate(-0.012, 0.004).is_clear
    assert not Estimate(0.003, 0.004).is_clear
    assert Estimate(0.03, 0.003).minus(Estimate(0.01, 0.004)).half_width == pytest.approx(0.005)
    assert (str(Estimate(0.0312, 0.0049)), Estimate(-0.0141, 0.006).points_text) == ("3.1 ± 0.5 %", "-1.4 ± 0.6 points")
