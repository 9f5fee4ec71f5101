"""The source of each setting: default, file or environment, and mistyped names."""

from pathlib import Path

import pytest

from freshet.errors import SettingsError
from freshet.setting_sources import SettingSource, setting_sources, variable_warnings
from freshet.settings import FORMER_NAMES, Settings, load


@pytest.fixture(autouse=True)
def _clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without a .env and an environment without settings."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"FRESHET_{name.upper()}", raising=False)


def sources_by_name() -> dict[str, SettingSource]:
    return {row.variable: row for row in setting_sources(load(), FORMER_NAMES)}


def test_a_default_is_marked_as_default() -> None:
    row = sources_by_name()["FRESHET_DEDUP_LOOKBACK_DAYS"]
    assert (row.value, row.source) == ("7", "default")


def test_the_environment_takes_precedence_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("FRESHET_DEDUP_LOOKBACK_DAYS=3\nFRESHET_BAD_SHARE_LIMIT=0.2\n")
    monkeypatch.setenv("FRESHET_DEDUP_LOOKBACK_DAYS", "5")
    rows = sources_by_name()
    assert (rows["FRESHET_DEDUP_LOOKBACK_DAYS"].value, rows["FRESHET_DEDUP_LOOKBACK_DAYS"].source) == (
        "5",
        "environment",
    )
    assert (rows["FRESHET_MAX_INVALID_SHARE"].value, rows["FRESHET_MAX_INVALID_SHARE"].source) == ("0.2", ".env")


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRESHET_MAPPING", "")
    assert (sources_by_name()["FRESHET_MAPPING"].value, sources_by_name()["FRESHET_MAPPING"].source) == (
        None,
        "default",
    )


def test_a_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRESHET_PSEUDONYM_KEY", "open sesame")
    assert sources_by_name()["FRESHET_PSEUDONYM_KEY"].value == "********"


def test_a_mistyped_variable_is_named_with_the_most_similar_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRESHET_LAEK", "here")
    monkeypatch.setenv("FRESHET_XYZZY", "there")
    assert variable_warnings(Settings, FORMER_NAMES) == [
        "FRESHET_LAEK: no such setting, it is ignored; did you mean FRESHET_LAKE?",
        "FRESHET_XYZZY: no such setting, it is ignored",
    ]


@pytest.mark.parametrize("name", FORMER_NAMES)
def test_every_former_name_is_that_of_a_setting_and_free(name: str) -> None:
    assert name in Settings.model_fields
    assert FORMER_NAMES[name] not in Settings.model_fields


def test_a_former_name_in_the_environment_still_works_and_the_new_name_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FRESHET_LOOKBACK_DAYS", "5")
    row = sources_by_name()["FRESHET_DEDUP_LOOKBACK_DAYS"]
    assert (row.value, row.source) == ("5", "environment")
    assert capsys.readouterr().err == (
        "warning: FRESHET_LOOKBACK_DAYS is now FRESHET_DEDUP_LOOKBACK_DAYS; the former name still works\n"
    )


def test_a_former_name_in_the_file_still_works(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FRESHET_SEAL_SECONDS=7\n")
    row = sources_by_name()["FRESHET_FLUSH_INTERVAL_S"]
    assert (row.value, row.source) == ("7.0", ".env")


def test_the_current_name_takes_precedence_over_a_former_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FRESHET_LOOKBACK_DAYS", "5")
    monkeypatch.setenv("FRESHET_DEDUP_LOOKBACK_DAYS", "6")
    assert sources_by_name()["FRESHET_DEDUP_LOOKBACK_DAYS"].value == "6"
    assert "FRESHET_LOOKBACK_DAYS: it is ignored, because FRESHET_DEDUP_LOOKBACK_DAYS" in capsys.readouterr().err


def test_a_wrong_value_under_a_former_name_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRESHET_LOOKBACK_DAYS", "-1")
    with pytest.raises(SettingsError, match="FRESHET_DEDUP_LOOKBACK_DAYS='-1'"):
        load()
