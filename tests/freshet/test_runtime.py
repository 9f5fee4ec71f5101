"""Telemetry switches of the libraries in the environment."""

import pytest

from freshet import runtime


def test_a_telemetry_switch_of_the_environment_is_not_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in runtime.TELEMETRY_SWITCHES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GX_ANALYTICS_ENABLED", "true")
    runtime.disable_telemetry()
    assert runtime.enabled_telemetry() == ["GX_ANALYTICS_ENABLED"]
