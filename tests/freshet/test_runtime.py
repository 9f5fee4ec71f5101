import pytest

from freshet import runtime


def test_every_switch_is_off_unless_somebody_set_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in runtime.TELEMETRY_SWITCHES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GX_ANALYTICS_ENABLED", "true")
    runtime.disable_telemetry()
    assert runtime.enabled_telemetry() == ["GX_ANALYTICS_ENABLED"]
