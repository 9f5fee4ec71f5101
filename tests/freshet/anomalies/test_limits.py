"""The setting of the factors: what is named changes, what is wrong is named."""

import pytest

from freshet.anomalies.limits import DEFAULT_LIMITS, Limit, format_limits, parse_limits
from freshet.errors import SettingsError


def test_what_is_not_named_keeps_its_default():
    assert parse_limits("volume:2:8, prices:off") == {**DEFAULT_LIMITS, "volume": Limit(2, 8), "prices": None}


def test_limits_read_back_as_they_are_written():
    assert parse_limits(format_limits(parse_limits("volume:1.5:8,users:off"))) == parse_limits("volume:1.5:8,users:off")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("volumes:2:5", "'volumes:2:5' names nothing that is compared (volume, skipped"),
        ("volume:2", "'volume:2' has no two factors"),
        ("volume:5:2", "'volume:5:2': 1 < warn < refuse should hold"),
        ("volume:0.5:2", "1 < warn < refuse should hold"),
        ("volume:2:5,volume:off", "volume stands twice"),
    ],
)
def test_what_is_wrong_is_named(text, problem):
    with pytest.raises(SettingsError, match=r"FRESHET_ANOMALY_LIMITS") as exc_info:
        parse_limits(text)
    assert problem in str(exc_info.value)
