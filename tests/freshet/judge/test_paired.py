import math

import numpy as np
import pytest

from freshet.judge.paired import paired


def test_with_a_basket_a_shopper_the_error_is_that_of_a_mean():
    differences = np.random.default_rng(0).normal(0.1, 1.0, 400)
    result = paired(differences, np.arange(400))
    assert result.mean == pytest.approx(differences.mean())
    assert result.error == pytest.approx(differences.std(ddof=1) / 20)
    assert result.lower(0.95) == pytest.approx(result.mean - 1.6449 * result.error, abs=1e-4)
    assert result.upper(0.95) == pytest.approx(result.mean + 1.6449 * result.error, abs=1e-4)


def test_baskets_that_a_shopper_repeats_tell_nothing_new():
    once = np.random.default_rng(0).normal(0.1, 1.0, 400)
    four_times, owners = np.repeat(once, 4), np.repeat(np.arange(400), 4)
    assert paired(four_times, owners).error == pytest.approx(paired(once, np.arange(400)).error)


def test_of_a_single_shopper_nothing_is_sure():
    assert paired(np.ones(2000), np.zeros(2000, dtype=np.int64)).lower(0.95) == -math.inf
    assert paired(np.zeros(0), np.zeros(0, dtype=np.int64)).upper(0.95) == math.inf
