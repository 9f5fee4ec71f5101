from datetime import UTC, datetime
from pathlib import Path

import pytest

from freshet.checkup import dagster, machine, shop
from freshet.checkup.finding import ALL, Finding
from freshet.live.holds import hold_releases
from freshet.live.journal import Entry, append
from freshet.settings import Settings
from freshet.store import Store, open_store
from tests.freshet.cli.test_releases import judge_held

RUNS = ("pipeline", "training")
ACTIVATE = (
    "type `source .venv/bin/activate` in the repository, or set DAGSTER_HOME to the full path of .freshet/dagster"
)


def settings(**values: object) -> Settings:
    return Settings(_env_file=None, **values)


def test_an_unset_dagster_home_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    found = "not set: Dagster would forget every run (a .env cannot set it)"
    assert dagster.dagster_home(settings()) == Finding("DAGSTER_HOME", "wrong", found, ACTIVATE, RUNS)


def test_a_dagster_home_that_is_no_full_path_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "home")
    found = "home is not a full path: Dagster refuses it"
    assert dagster.dagster_home(settings()) == Finding("DAGSTER_HOME", "wrong", found, ACTIVATE, RUNS)


def test_a_dagster_home_that_does_not_exist_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "gone"
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    fix = f"`mkdir -p {home}`, or {ACTIVATE}"
    assert dagster.dagster_home(settings()) == Finding("DAGSTER_HOME", "wrong", f"{home} is no folder", fix, RUNS)


def test_a_dagster_home_with_its_file_is_ok(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    assert dagster.dagster_home(settings()).state == "missing"
    (tmp_path / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    assert dagster.dagster_home(settings()) == Finding("DAGSTER_HOME", "ok", str(tmp_path))


def test_a_mapping_that_is_not_there_is_wrong(tmp_path: Path) -> None:
    found = shop.mapping(settings(mapping=tmp_path / "none.yaml"))
    assert (found.state, found.touches) == ("wrong", ("pipeline",))
    assert found.found.startswith(f"{tmp_path}/none.yaml: no such file")


def test_a_mapping_with_a_mistake_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text("shop: s\n")
    found = shop.mapping(settings(mapping=tmp_path / "shop.yaml"))
    assert (found.state, found.touches) == ("wrong", ("pipeline",))
    assert "`source` is missing" in found.found


def test_no_mapping_limits_a_shop_until_it_lands_a_file_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "landing" / "events" / "dt=2024-03-01"
    (folder / "gateway").mkdir(parents=True)
    (folder / "gateway" / "posted.jsonl").write_text("{}")
    found = shop.mapping(settings(lake=str(tmp_path)))
    assert (found.state, found.touches) == ("missing", ("pipeline",))
    assert found.found == "FRESHET_MAPPING is not set: only what is posted to the gateway can be read"
    for name in ("a.csv", "b.csv"):
        (folder / name).write_text("x\n")
    found = shop.mapping(settings(lake=str(tmp_path)))
    assert (found.state, found.touches) == ("wrong", ("pipeline",))
    what = "dt=2024-03-01/a.csv and 1 other landed file cannot be read"
    assert found.found == f"FRESHET_MAPPING is not set: {what}"


def test_a_first_day_in_the_future_is_wrong() -> None:
    expected = Finding("first day", "wrong", "2999-01-01 has not come yet", "correct FRESHET_FIRST_DAY", ("pipeline",))
    assert shop.first_day(settings(first_day="2999-01-01")) == expected


def test_a_first_day_behind_most_landed_days_is_wrong(tmp_path: Path) -> None:
    for day in ("1970-01-01", "2024-03-01", "2024-03-02"):
        (tmp_path / "landing" / "events" / f"dt={day}").mkdir(parents=True)
        (tmp_path / "landing" / "events" / f"dt={day}" / "a.csv").write_text("x\n")
    assert shop.first_day(settings(lake=str(tmp_path), first_day="2024-03-01")).state == "ok"
    late = shop.first_day(settings(lake=str(tmp_path), first_day="2024-03-02"))
    what = "2024-03-02, and 2 of 3 landed days lie before it: they are not run"
    fix = "set FRESHET_FIRST_DAY to the first day of the shop; the first that landed is 1970-01-01"
    assert late == Finding("first day", "wrong", what, fix, ("pipeline",))


def test_a_lake_that_is_a_file_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "lake"
    path.write_text("")
    found = f"{path} (FRESHET_LAKE): is a file, not a folder"
    fix = "correct FRESHET_LAKE (`freshet settings`)"
    assert shop.lake(settings(lake=str(path))) == Finding("lake", "wrong", found, fix, ALL)


def test_a_lake_in_a_folder_that_is_not_there_is_wrong(tmp_path: Path) -> None:
    found = shop.lake(settings(lake=str(tmp_path / "dsik" / "lake")))
    assert (found.state, found.touches) == ("wrong", ALL)
    assert f"the folder above it is there ({tmp_path}/dsik)" in found.found


def test_on_s3_the_gateway_works_and_no_pipeline() -> None:
    found = shop.lake(settings(lake="s3://bucket/lake"))
    assert (found.state, found.touches) == ("wrong", ("pipeline", "training"))
    assert found.found == "s3://bucket/lake: tables need a folder, so no pipeline runs there and no model is trained"


def test_a_lake_without_its_catalogue_stops_pipeline_and_training(tmp_path: Path) -> None:
    (tmp_path / "releases").mkdir()
    (tmp_path / "releases" / "00000001.json").write_text("{}")
    found = shop.lake(settings(lake=str(tmp_path)))
    assert (found.state, found.touches) == ("wrong", ("pipeline", "training"))
    assert found.found.startswith(f"{tmp_path}/catalog.db: is missing, but the lake holds 1 release")


def test_a_state_folder_that_is_a_file_stops_the_gateway(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    found = shop.gateway_state(settings(state=tmp_path / "state" / "deeper"))
    assert (found.state, found.touches, found.found) == ("wrong", ("gateway",), f"{tmp_path}/state cannot be written")


def test_no_java_shows_the_error_that_a_run_would_end_with(tmp_path: Path) -> None:
    finding = machine.java(settings(java_home=tmp_path))
    assert (finding.state, finding.found) == ("wrong", f"Java: no Java at {tmp_path}")


def test_telemetry_left_on_in_dagster_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text("telemetry:\n  enabled: true\n")
    assert dagster.telemetry_switches(settings()).found == f"not off: telemetry in {tmp_path}/dagster.yaml"


def journal_of(folder: Path) -> Store:
    """A journal with one release of a bundle that is there."""
    store, at = open_store(str(folder)), datetime(2026, 11, 28, tzinfo=UTC)
    store.put(f"bundles/{'a' * 64}/manifest.json", b"{}")
    entry = Entry(number=1, decided_on=0, kind="release", bundle="a" * 64, verdict="", why="", at=at, by="t")
    append(store, entry)
    return store


def test_the_releases_are_said_and_before_the_first_there_is_nothing_wrong(tmp_path: Path) -> None:
    assert shop.releases(settings(lake=str(tmp_path / "none"))) == Finding("releases", "ok", "none yet")
    journal_of(tmp_path)
    assert shop.releases(settings(lake=str(tmp_path))) == Finding("releases", "ok", "release 1 serves")


def test_a_hold_and_a_stray_file_are_said_and_nothing_is_wrong(tmp_path: Path) -> None:
    store = journal_of(tmp_path)
    hold_releases(store, 1, "a" * 64, "conversion fell", "ann", datetime(2026, 11, 28, tzinfo=UTC))
    store.put("releases/.DS_Store", b"x")
    found = (
        "release 1 serves; releases are held by ann since 2026-11-28 00:00 UTC: conversion fell; "
        f"{tmp_path}/releases: .DS_Store is no entry of the journal: ignored"
    )
    fix = "move what is not needed there out of this folder"
    assert shop.releases(settings(lake=str(tmp_path))) == Finding("releases", "ok", found, fix)


def test_a_bundle_that_waits_for_a_person_is_said(tmp_path: Path) -> None:
    store = journal_of(tmp_path)
    judge_held(store, "7" * 64, 1)
    said = shop.releases(settings(lake=str(tmp_path)))
    assert said.state == "ok"
    assert said.found.startswith("release 1 serves; bundle 777777777777, judged on ")
    assert said.found.endswith('waits for a person: it rose; `freshet release 777777777777 --why "…"` releases it')


def test_a_journal_that_points_to_nothing_is_wrong_for_the_gateway(tmp_path: Path) -> None:
    journal_of(tmp_path).local_path(f"bundles/{'a' * 64}/manifest.json").unlink()
    found = shop.releases(settings(lake=str(tmp_path)))
    assert (found.state, found.touches) == ("wrong", ("gateway",))
    assert found.found == f"{tmp_path}/releases/00000001.json: names the bundle aaaaaaaaaaaa, which is gone"
