"""Quality drift: means, margins and confidence."""

import numpy as np
import pytest

from freshet.monitoring.params import DriftParams
from freshet.monitoring.quality import compare_quality

PARAMS = DriftParams(bootstrap_samples=500)


def one_owner_each(values: np.ndarray) -> np.ndarray:
    """Every basket has another shopper."""
    return np.arange(len(values))


def quality_drift(reference: np.ndarray, current: np.ndarray, params: DriftParams = PARAMS):
    return compare_quality(reference, one_owner_each(reference), current, one_owner_each(current), params)


def test_means_and_relative_drop():
    quality = quality_drift(np.array([1.0, 0.0] * 400), np.array([1.0, 0.0, 0.0, 0.0] * 200))
    assert (quality.reference, quality.current, quality.relative_drop) == (0.5, 0.25, 0.5)
    assert (quality.reference_cases, quality.current_cases) == (800, 800)
    assert quality.degraded
    assert 0.3 < quality.drop_lower_bound < 0.5


def test_a_significant_fall_within_the_margin_is_no_degradation():
    reference = np.full(1000, 0.50)
    quality = quality_drift(reference, np.full(1000, 0.44))
    assert quality.relative_drop == pytest.approx(0.12)
    assert quality.drop_lower_bound == pytest.approx(0.12)
    assert not quality.degraded


def test_a_large_fall_on_few_baskets_is_not_significant():
    quality = quality_drift(np.array([1.0, 0.0] * 10), np.array([1.0, 0.0, 0.0] * 6))
    assert quality.relative_drop == pytest.approx(1 / 3)
    assert quality.drop_lower_bound < 0
    assert not quality.degraded


def test_a_rise_is_no_degradation():
    quality = quality_drift(np.array([0.2, 0.3] * 100), np.array([0.4, 0.5] * 100))
    assert quality.relative_drop == pytest.approx(-0.8)
    assert (quality.degraded, quality.implausible_rise) == (False, True)


def test_a_small_or_insignificant_rise_is_plausible():
    assert not quality_drift(np.full(1000, 0.50), np.full(1000, 0.56)).implausible_rise
    assert not quality_drift(np.array([1.0, 0.0, 0.0] * 6), np.array([1.0, 0.0] * 10)).implausible_rise


def test_baskets_of_one_shopper_are_drawn_together():
    reference, current = np.array([1.0, 0.0] * 400), np.array([1.0] * 200 + [0.0] * 600)
    two_owners = np.array([0] * 400 + [1] * 400)
    one_each_quality, two_owner_quality = (
        quality_drift(reference, current),
        compare_quality(reference, one_owner_each(reference), current, two_owners, PARAMS),
    )
    assert two_owner_quality.relative_drop == one_each_quality.relative_drop
    assert one_each_quality.degraded
    assert not two_owner_quality.degraded


def test_quality_of_zero_cannot_fall():
    quality = quality_drift(np.zeros(200), np.zeros(200))
    assert (quality.relative_drop, quality.drop_lower_bound, quality.degraded) == (0.0, 0.0, False)
