"""Drift detection on simulated shops: no alarm without drift, and the drifted columns are named."""

import pytest

from benchmarks.drift_alarms import drift_verdicts, generate_shop

CURRENT_DAYS = 2  # that have landed since


@pytest.mark.parametrize("seed", [1, 2])
def test_a_shop_without_drift_raises_no_alarm(seed):
    (verdict,) = drift_verdicts(generate_shop(seed, None, shoppers=800), [CURRENT_DAYS])
    assert verdict.reasons == ()


def test_other_preferences_drift_in_the_categories():
    (verdict,) = drift_verdicts(generate_shop(1, "taste", shoppers=800), [CURRENT_DAYS])
    assert verdict.drifted
    assert "category" in {column.name for column in verdict.columns if column.drifted}


def test_other_habits_drift_in_quality_only():
    (verdict,) = drift_verdicts(generate_shop(1, "habit", shoppers=800), [CURRENT_DAYS])
    assert verdict.drifted
    assert [column.name for column in verdict.columns if column.drifted] == []
    assert verdict.quality.degraded


def test_doubled_views_drift_and_give_an_implausible_rise():
    (verdict,) = drift_verdicts(generate_shop(1, None, shoppers=800), [CURRENT_DAYS], doubled_view_share=1.0)
    assert "same item again" in {column.name for column in verdict.columns if column.drifted}
    assert verdict.quality.implausible_rise
    assert "look for events that are written twice" in verdict.sentence
