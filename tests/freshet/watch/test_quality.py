"""Whether the champion's answers fell: means, the margin, and how sure it is."""

import numpy as np
import pytest

from freshet.watch.params import DriftParams
from freshet.watch.quality import compare_quality

PARAMS = DriftParams(samples=500)


def one_each(values: np.ndarray) -> np.ndarray:
    """Every basket has a shopper of its own."""
    return np.arange(len(values))


def compared(before: np.ndarray, fresh: np.ndarray, params: DriftParams = PARAMS):
    return compare_quality(before, one_each(before), fresh, one_each(fresh), params)


def test_the_means_and_the_fall_as_a_share_of_what_was():
    found = compared(np.array([1.0, 0.0] * 400), np.array([1.0, 0.0, 0.0, 0.0] * 200))
    assert (found.before, found.fresh, found.fall) == (0.5, 0.25, 0.5)
    assert (found.cases_before, found.cases_fresh) == (800, 800)
    assert found.fell
    assert 0.3 < found.surely < 0.5


def test_a_fall_within_the_margin_is_none_however_sure():
    before = np.full(1000, 0.50)
    found = compared(before, np.full(1000, 0.44))
    assert found.fall == pytest.approx(0.12)
    assert found.surely == pytest.approx(0.12)
    assert not found.fell


def test_a_large_fall_on_few_baskets_may_be_luck():
    found = compared(np.array([1.0, 0.0] * 10), np.array([1.0, 0.0, 0.0] * 6))
    assert found.fall == pytest.approx(1 / 3)
    assert found.surely < 0
    assert not found.fell


def test_a_rise_is_no_fall():
    found = compared(np.array([0.2, 0.3] * 100), np.array([0.4, 0.5] * 100))
    assert found.fall == pytest.approx(-0.8)
    assert (found.fell, found.rose) == (False, True)


def test_a_rise_within_its_margin_or_that_may_be_luck_is_believed():
    assert not compared(np.full(1000, 0.50), np.full(1000, 0.56)).rose
    assert not compared(np.array([1.0, 0.0, 0.0] * 6), np.array([1.0, 0.0] * 10)).rose


def test_baskets_of_one_shopper_count_as_one_witness():
    before, fresh = np.array([1.0, 0.0] * 400), np.array([1.0] * 200 + [0.0] * 600)
    two = np.array([0] * 400 + [1] * 400)
    alone, together = compared(before, fresh), compare_quality(before, one_each(before), fresh, two, PARAMS)
    assert together.fall == alone.fall
    assert alone.fell
    assert not together.fell


def test_what_was_worth_nothing_cannot_fall():
    found = compared(np.zeros(200), np.zeros(200))
    assert (found.fall, found.surely, found.fell) == (0.0, 0.0, False)
