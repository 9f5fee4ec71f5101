from pathlib import Path

import pytest

from freshet.errors import SettingsError
from freshet.settings import Settings, load

ROOT = Path(__file__).parents[2]


def test_a_wrong_value_is_named_with_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FRESHET_BAD_SHARE_LIMIT", "7")
    with pytest.raises(SettingsError) as error:
        load()
    assert str(error.value) == (
        "settings: FRESHET_BAD_SHARE_LIMIT='7': Input should be less than or equal to 1; "
        "correct it in the environment or in .env (`freshet settings`)"
    )


def test_a_local_lake_becomes_a_full_path_and_a_lake_on_s3_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings(lake="shop").lake == str(tmp_path / "shop")
    assert Settings(lake="s3://bucket/shop/").lake == "s3://bucket/shop"


def test_the_page_of_settings_names_every_setting_with_its_default_and_meaning() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `FRESHET_")]
    assert rows == [_row(name) for name in Settings.model_fields]


def test_the_example_file_names_every_setting() -> None:
    named = [line.split("=")[0] for line in (ROOT / ".env.example").read_text().splitlines() if "=" in line]
    assert named == [f"# FRESHET_{name.upper()}" for name in Settings.model_fields]


def _row(name: str) -> str:
    field = Settings.model_fields[name]
    default = f"`{field.default}`" if field.default is not None else "unset"
    return f"| `FRESHET_{name.upper()}` | {default} | {field.description} |"
