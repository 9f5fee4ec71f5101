"""Paired differences with a standard error clustered by shopper."""

import math

import numpy as np
import pytest

from freshet.evaluation.paired_differences import paired_difference


def test_with_a_basket_a_shopper_the_error_is_that_of_a_mean():
    differences = np.random.default_rng(0).normal(0.1, 1.0, 400)
    result = paired_difference(differences, np.arange(400))
    assert result.mean == pytest.approx(differences.mean())
    assert result.standard_error == pytest.approx(differences.std(ddof=1) / 20)
    assert result.lower_bound(0.95) == pytest.approx(result.mean - 1.6449 * result.standard_error, abs=1e-4)
    assert result.upper_bound(0.95) == pytest.approx(result.mean + 1.6449 * result.standard_error, abs=1e-4)


def test_repeated_baskets_of_a_shopper_do_not_lower_the_error():
    values = np.random.default_rng(0).normal(0.1, 1.0, 400)
    four_times, owners = np.repeat(values, 4), np.repeat(np.arange(400), 4)
    assert paired_difference(four_times, owners).standard_error == pytest.approx(
        paired_difference(values, np.arange(400)).standard_error
    )


def test_a_single_shopper_has_infinite_confidence_bounds():
    assert paired_difference(np.ones(2000), np.zeros(2000, dtype=np.int64)).lower_bound(0.95) == -math.inf
    assert paired_difference(np.zeros(0), np.zeros(0, dtype=np.int64)).upper_bound(0.95) == math.inf
