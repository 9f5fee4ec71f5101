from pathlib import Path

import pytest

from freshet.setting_sources import SettingSource, setting_sources, unknown_variables
from freshet.settings import Settings, load


@pytest.fixture(autouse=True)
def _clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without a .env and an environment without settings."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"FRESHET_{name.upper()}", raising=False)


def sources_by_name() -> dict[str, SettingSource]:
    return {row.variable: row for row in setting_sources(load())}


def test_a_default_says_so() -> None:
    row = sources_by_name()["FRESHET_LOOKBACK_DAYS"]
    assert (row.value, row.source) == ("7", "default")


def test_a_value_of_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("FRESHET_LOOKBACK_DAYS=3\nFRESHET_BAD_SHARE_LIMIT=0.2\n")
    monkeypatch.setenv("FRESHET_LOOKBACK_DAYS", "5")
    rows = sources_by_name()
    assert (rows["FRESHET_LOOKBACK_DAYS"].value, rows["FRESHET_LOOKBACK_DAYS"].source) == ("5", "environment")
    assert (rows["FRESHET_BAD_SHARE_LIMIT"].value, rows["FRESHET_BAD_SHARE_LIMIT"].source) == ("0.2", ".env")


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRESHET_MAPPING", "")
    assert (sources_by_name()["FRESHET_MAPPING"].value, sources_by_name()["FRESHET_MAPPING"].source) == (
        None,
        "default",
    )


def test_a_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRESHET_PSEUDONYM_KEY", "open sesame")
    assert sources_by_name()["FRESHET_PSEUDONYM_KEY"].value == "********"


def test_a_mistyped_variable_is_told_with_the_nearest_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRESHET_LAEK", "here")
    monkeypatch.setenv("FRESHET_XYZZY", "there")
    assert unknown_variables() == {"FRESHET_LAEK": "FRESHET_LAKE", "FRESHET_XYZZY": None}
