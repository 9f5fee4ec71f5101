import pytest

from freshet import telemetry


def test_every_switch_is_off_unless_somebody_set_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in telemetry.TELEMETRY_SWITCHES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GX_ANALYTICS_ENABLED", "true")
    telemetry.disable_telemetry()
    assert telemetry.enabled_telemetry() == ["GX_ANALYTICS_ENABLED"]
