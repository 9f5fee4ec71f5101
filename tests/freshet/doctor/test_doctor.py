"""Checks of `freshet doctor`: each part of an installation, intact and faulty."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from freshet.doctor import dagster, machine, shop
from freshet.doctor.result import CAPABILITIES, CheckResult
from freshet.releases.holds import hold_releases
from freshet.releases.journal import JournalEntry, append_entry
from freshet.settings import Settings
from freshet.store import Store, open_store
from tests.freshet.cli.test_releases import write_held_evaluation

BATCH_PARTS = ("pipeline", "training")
ACTIVATE_HINT = (
    "type `source .venv/bin/activate` in the repository, or set DAGSTER_HOME to the full path of .freshet/dagster"
)


def settings(**values: object) -> Settings:
    return Settings(_env_file=None, **values)


def test_an_unset_dagster_home_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    expected = "not set: Dagster would forget every run (a .env cannot set it)"
    assert dagster.check_dagster_home(settings()) == CheckResult(
        "DAGSTER_HOME", "wrong", expected, ACTIVATE_HINT, BATCH_PARTS
    )


def test_a_dagster_home_that_is_no_full_path_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "home")
    expected = "home is not a full path: Dagster refuses it"
    assert dagster.check_dagster_home(settings()) == CheckResult(
        "DAGSTER_HOME", "wrong", expected, ACTIVATE_HINT, BATCH_PARTS
    )


def test_a_dagster_home_that_does_not_exist_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "gone"
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    fix = f"`mkdir -p {home}`, or {ACTIVATE_HINT}"
    assert dagster.check_dagster_home(settings()) == CheckResult(
        "DAGSTER_HOME", "wrong", f"{home} is not a folder", fix, BATCH_PARTS
    )


def test_a_dagster_home_with_its_file_is_ok(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    assert dagster.check_dagster_home(settings()).status == "missing"
    (tmp_path / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    assert dagster.check_dagster_home(settings()) == CheckResult("DAGSTER_HOME", "ok", str(tmp_path))


def test_a_mapping_that_is_not_there_is_wrong(tmp_path: Path) -> None:
    check_result = shop.check_mapping(settings(mapping=tmp_path / "none.yaml"))
    assert (check_result.status, check_result.affects) == ("wrong", ("pipeline",))
    assert check_result.message.startswith(f"{tmp_path}/none.yaml: no such file")


def test_a_mapping_with_a_mistake_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text("shop: s\n")
    check_result = shop.check_mapping(settings(mapping=tmp_path / "shop.yaml"))
    assert (check_result.status, check_result.affects) == ("wrong", ("pipeline",))
    assert "`source` is missing" in check_result.message


def test_no_mapping_limits_a_shop_until_it_lands_a_file_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "landing" / "events" / "dt=2024-03-01"
    (folder / "gateway").mkdir(parents=True)
    (folder / "gateway" / "posted.jsonl").write_text("{}")
    check_result = shop.check_mapping(settings(lake=str(tmp_path)))
    assert (check_result.status, check_result.affects) == ("missing", ("pipeline",))
    assert check_result.message == "FRESHET_MAPPING is not set: only events posted to the gateway can be read"
    for name in ("a.csv", "b.csv"):
        (folder / name).write_text("x\n")
    check_result = shop.check_mapping(settings(lake=str(tmp_path)))
    assert (check_result.status, check_result.affects) == ("wrong", ("pipeline",))
    expected = "dt=2024-03-01/a.csv and 1 other landed file cannot be read"
    assert check_result.message == f"FRESHET_MAPPING is not set: {expected}"


def test_a_first_day_in_the_future_is_wrong() -> None:
    expected = CheckResult(
        "first day", "wrong", "2999-01-01 is in the future", "correct FRESHET_FIRST_DAY", ("pipeline",)
    )
    assert shop.check_first_day(settings(first_day="2999-01-01")) == expected


def test_a_first_day_behind_most_landed_days_is_wrong(tmp_path: Path) -> None:
    for day in ("1970-01-01", "2024-03-01", "2024-03-02"):
        (tmp_path / "landing" / "events" / f"dt={day}").mkdir(parents=True)
        (tmp_path / "landing" / "events" / f"dt={day}" / "a.csv").write_text("x\n")
    assert shop.check_first_day(settings(lake=str(tmp_path), first_day="2024-03-01")).status == "ok"
    finding = shop.check_first_day(settings(lake=str(tmp_path), first_day="2024-03-02"))
    expected = "2024-03-02, and 2 of 3 landed days are before it: they are not run"
    fix = "set FRESHET_FIRST_DAY to the first day of the shop; the first that landed is 1970-01-01"
    assert finding == CheckResult("first day", "wrong", expected, fix, ("pipeline",))


def test_a_lake_that_is_a_file_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "lake"
    path.write_text("")
    expected = f"{path} (FRESHET_LAKE): is a file, not a folder"
    fix = "correct FRESHET_LAKE (`freshet settings`)"
    assert shop.check_lake_folder(settings(lake=str(path))) == CheckResult("lake", "wrong", expected, fix, CAPABILITIES)


def test_a_lake_in_a_folder_that_is_not_there_is_wrong(tmp_path: Path) -> None:
    check_result = shop.check_lake_folder(settings(lake=str(tmp_path / "dsik" / "lake")))
    assert (check_result.status, check_result.affects) == ("wrong", CAPABILITIES)
    assert f"neither it nor its parent folder exists ({tmp_path}/dsik)" in check_result.message


def test_on_s3_the_gateway_works_and_no_pipeline() -> None:
    check_result = shop.check_lake_folder(settings(lake="s3://bucket/lake"))
    assert (check_result.status, check_result.affects) == ("wrong", ("pipeline", "training"))
    assert (
        check_result.message == "s3://bucket/lake: tables need a local folder, so the pipeline and training do not work"
    )


def test_a_lake_without_its_catalogue_stops_pipeline_and_training(tmp_path: Path) -> None:
    (tmp_path / "releases").mkdir()
    (tmp_path / "releases" / "00000001.json").write_text("{}")
    check_result = shop.check_lake_folder(settings(lake=str(tmp_path)))
    assert (check_result.status, check_result.affects) == ("wrong", ("pipeline", "training"))
    assert check_result.message.startswith(f"{tmp_path}/catalog.db: is missing, but the lake holds 1 release")


def test_a_state_folder_that_is_a_file_stops_the_gateway(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    check_result = shop.check_gateway_state(settings(gateway_state_dir=tmp_path / "state" / "deeper"))
    assert (check_result.status, check_result.affects, check_result.message) == (
        "wrong",
        ("gateway",),
        f"{tmp_path}/state is not writable",
    )


def test_no_java_shows_the_error_that_a_run_would_end_with(tmp_path: Path) -> None:
    finding = machine.check_java(settings(java_home=tmp_path))
    assert (finding.status, finding.message) == ("wrong", f"Java: no Java at {tmp_path}")


def test_enabled_telemetry_of_dagster_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text("telemetry:\n  enabled: true\n")
    assert dagster.check_telemetry(settings()).message == f"not off: telemetry in {tmp_path}/dagster.yaml"


def store_with_release(folder: Path) -> Store:
    """A journal with one release of a bundle that is there."""
    store, at = open_store(str(folder)), datetime(2026, 11, 28, tzinfo=UTC)
    store.put(f"bundles/{'a' * 64}/manifest.json", b"{}")
    entry = JournalEntry(number=1, decided_on=0, kind="release", bundle="a" * 64, verdict="", why="", at=at, by="t")
    append_entry(store, entry)
    return store


def test_releases_are_reported_and_none_is_no_error(tmp_path: Path) -> None:
    assert shop.check_releases(settings(lake=str(tmp_path / "none"))) == CheckResult("releases", "ok", "none yet")
    store_with_release(tmp_path)
    assert shop.check_releases(settings(lake=str(tmp_path))) == CheckResult("releases", "ok", "release 1 serves")


def test_a_hold_and_a_stray_file_are_reported_and_no_error(tmp_path: Path) -> None:
    store = store_with_release(tmp_path)
    hold_releases(store, 1, "a" * 64, "conversion fell", "ann", datetime(2026, 11, 28, tzinfo=UTC))
    store.put("releases/.DS_Store", b"x")
    finding = (
        "release 1 serves; releases are held by ann since 2026-11-28 00:00 UTC: conversion fell; "
        f"{tmp_path}/releases: .DS_Store is no entry of the journal: ignored"
    )
    fix = "move what is not needed there out of this folder"
    assert shop.check_releases(settings(lake=str(tmp_path))) == CheckResult("releases", "ok", finding, fix)


def test_a_bundle_that_waits_for_a_person_is_reported(tmp_path: Path) -> None:
    store = store_with_release(tmp_path)
    write_held_evaluation(store, "7" * 64, 1)
    check_result = shop.check_releases(settings(lake=str(tmp_path)))
    assert check_result.status == "ok"
    assert check_result.message.startswith("release 1 serves; bundle 777777777777, evaluated on ")
    assert check_result.message.endswith(
        'waits for a person: it rose; `freshet release 777777777777 --why "…"` releases it'
    )


def test_a_journal_with_a_missing_bundle_is_an_error_for_the_gateway(tmp_path: Path) -> None:
    store_with_release(tmp_path).local_path(f"bundles/{'a' * 64}/manifest.json").unlink()
    check_result = shop.check_releases(settings(lake=str(tmp_path)))
    assert (check_result.status, check_result.affects) == ("wrong", ("gateway",))
    assert check_result.message == f"{tmp_path}/releases/00000001.json: names the bundle aaaaaaaaaaaa, which is gone"
