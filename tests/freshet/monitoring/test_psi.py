"""PSI and its baseline, worked out by hand."""

import math
from datetime import date, timedelta

import pandas as pd
import pytest

from freshet.monitoring.psi import EMPTY_SHARE, baseline_psi, psi, value_shares


def text_series(**counts: int) -> pd.Series:
    return pd.Series([value for value, count in counts.items() for _ in range(count)])


def test_psi_by_hand():
    # (0.5 - 0.8) ln(0.5 / 0.8) + (0.5 - 0.2) ln(0.5 / 0.2)
    by_hand = -0.3 * math.log(0.625) + 0.3 * math.log(2.5)
    assert psi(text_series(a=8, b=2), text_series(a=5, b=5)) == pytest.approx(by_hand)


def test_equal_shares_have_a_psi_of_zero():
    assert psi(text_series(a=8, b=2), text_series(a=80, b=20)) == 0.0


def test_a_missing_value_counts_as_a_very_small_share():
    by_hand = (0.5 - 1.0) * math.log(0.5) + (0.5 - EMPTY_SHARE) * math.log(0.5 / EMPTY_SHARE)
    assert psi(text_series(a=4), text_series(a=2, b=2)) == pytest.approx(by_hand)


def test_missing_values_are_left_out_of_psi():
    assert dict(value_shares(pd.Series(["a", None, "a", "b", "b", "b", "b", "b", None]))) == {"b": 5 / 7, "a": 2 / 7}


def day_frame(*values: str) -> pd.DataFrame:
    """One day per text; each letter is a row."""
    rows = [(date(2024, 3, 1) + timedelta(days=n), letter) for n, text in enumerate(values) for letter in text]
    return pd.DataFrame(rows, columns=["day", "letter"])


def test_the_baseline_is_the_largest_psi_of_a_day_against_the_others():
    frame = day_frame("ab", "ab", "aaab")
    usual_days, odd_day = frame["letter"][:4], frame["letter"][4:]
    assert baseline_psi(frame, ["letter"], 1) == {"letter": pytest.approx(psi(usual_days, odd_day))}


def test_baseline_windows_are_as_long_as_the_current_window():
    frame = day_frame("ab", "aa", "bb", "ab", "ab", "ab")
    inside = frame["letter"][4:8]  # the second stretch, bb ab, lies farther out than the first
    outside = pd.concat([frame["letter"][:4], frame["letter"][8:]])
    assert baseline_psi(frame, ["letter"], 2) == {"letter": pytest.approx(psi(outside, inside))}


def test_a_reference_shorter_than_three_windows_has_a_baseline_of_zero():
    assert baseline_psi(day_frame("ab", "aa", "bb", "ab", "ab"), ["letter"], 2) == {"letter": 0.0}
