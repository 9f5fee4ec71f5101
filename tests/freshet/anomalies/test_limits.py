"""The setting FRESHET_ANOMALY_LIMITS: defaults, overrides and wrong entries."""

import pytest

from freshet.anomalies.limits import DEFAULT_LIMITS, Limit, format_limits, parse_limits
from freshet.errors import SettingsError


def test_other_checks_keep_their_default():
    assert parse_limits("volume:2:8, prices:off") == {**DEFAULT_LIMITS, "volume": Limit(2, 8), "prices": None}


def test_limits_read_back_as_they_are_written():
    assert parse_limits(format_limits(parse_limits("volume:1.5:8,users:off"))) == parse_limits("volume:1.5:8,users:off")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("volumes:2:5", "'volumes:2:5' names no anomaly check (volume, skipped"),
        ("volume:2", "'volume:2' does not have two factors"),
        ("volume:5:2", "'volume:5:2': the factors must be 1 < warn < refuse"),
        ("volume:0.5:2", "the factors must be 1 < warn < refuse"),
        ("volume:2:5,volume:off", "volume is set twice"),
    ],
)
def test_a_wrong_entry_is_named(text, problem):
    with pytest.raises(SettingsError, match=r"FRESHET_ANOMALY_LIMITS") as exc_info:
        parse_limits(text)
    assert problem in str(exc_info.value)
