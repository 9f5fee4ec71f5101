from pathlib import Path

import pytest

from freshet.checkup import dagster, machine, shop
from freshet.checkup.finding import Finding
from freshet.settings import Settings

ACTIVATE = (
    "type `source .venv/bin/activate` in the repository, or set DAGSTER_HOME to the full path of .freshet/dagster"
)


def settings(**values: object) -> Settings:
    return Settings(_env_file=None, **values)


def test_an_unset_dagster_home_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    found = "not set: Dagster would forget every run (a .env cannot set it)"
    assert dagster.dagster_home(settings()) == Finding("DAGSTER_HOME", "wrong", found, ACTIVATE)


def test_a_dagster_home_that_is_no_full_path_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "home")
    found = "home is not a full path: Dagster refuses it"
    assert dagster.dagster_home(settings()) == Finding("DAGSTER_HOME", "wrong", found, ACTIVATE)


def test_a_dagster_home_that_does_not_exist_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "gone"
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    fix = f"`mkdir -p {home}`, or {ACTIVATE}"
    assert dagster.dagster_home(settings()) == Finding("DAGSTER_HOME", "wrong", f"{home} is no folder", fix)


def test_a_dagster_home_with_its_file_is_ok(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    assert dagster.dagster_home(settings()).state == "missing"
    (tmp_path / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    assert dagster.dagster_home(settings()) == Finding("DAGSTER_HOME", "ok", str(tmp_path))


def test_a_mapping_that_is_not_there_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "none.yaml"
    expected = Finding("mapping", "wrong", f"{path} cannot be read", "correct FRESHET_MAPPING")
    assert shop.mapping(settings(mapping=path)) == expected


def test_a_first_day_in_the_future_is_wrong() -> None:
    expected = Finding("first day", "wrong", "2999-01-01 has not come yet", "correct FRESHET_FIRST_DAY")
    assert shop.first_day(settings(first_day="2999-01-01")) == expected


def test_a_lake_that_is_a_file_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "lake"
    path.write_text("")
    fix = "`chown` it or set FRESHET_LAKE to another folder"
    assert shop.lake(settings(lake=str(path))) == Finding("lake", "wrong", f"{path} cannot be written", fix)


def test_no_java_shows_the_error_that_a_run_would_end_with(tmp_path: Path) -> None:
    finding = machine.java(settings(java_home=tmp_path))
    assert (finding.state, finding.found) == ("wrong", f"Java: no Java at {tmp_path}")


def test_telemetry_left_on_in_dagster_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text("telemetry:\n  enabled: true\n")
    assert dagster.telemetry_switches(settings()).found == f"not off: telemetry in {tmp_path}/dagster.yaml"
