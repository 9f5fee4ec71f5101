"""Validation of settings: the exact message of each invalid value."""

from pathlib import Path

import pytest

from freshet.errors import SettingsError
from freshet.settings import Settings, load

ROOT = Path(__file__).parents[2]


def test_a_wrong_value_is_named_with_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FRESHET_MAX_INVALID_SHARE", "7")
    with pytest.raises(SettingsError) as error:
        load()
    assert str(error.value) == (
        "settings: FRESHET_MAX_INVALID_SHARE='7': Input should be less than or equal to 1; "
        "correct it in the environment or in .env (`freshet settings`)"
    )


def setting_error(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> str:
    """Return the error about a setting, without its fix."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as error:
        load()
    return error.value.what


@pytest.mark.parametrize(
    ("cron", "why"),
    [
        ("every night", "should have five fields (minute hour day month weekday), has 2"),
        ("30 24 * * *", "hour '24' should be *, or numbers 0-23 as in 1,5-9 or */2"),
        ("0 2 * * monday", "weekday 'monday' should be *, or numbers 0-7 as in 1,5-9 or */2"),
        ("*/0 2 * * *", "minute '*/0' should be *, or numbers 0-59 as in 1,5-9 or */2"),
        ("0 9- * * *", "hour '9-' should be *, or numbers 0-23 as in 1,5-9 or */2"),
    ],
)
def test_an_invalid_schedule_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cron: str, why: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert setting_error(monkeypatch, "FRESHET_RETRAIN_CRON", cron) == f"FRESHET_RETRAIN_CRON='{cron}': {why}"


@pytest.mark.parametrize("cron", ["30 2 * * *", "0,30 1-5/2 */2 1 0-7", "*/15 * 1,15 * 5", "0 2 * * mon-fri"])
def test_a_valid_schedule_is_valid_for_dagster_too(cron: str) -> None:
    from dagster._utils.schedules import is_valid_cron_string

    assert Settings(_env_file=None, retrain_cron=cron).retrain_cron == cron
    assert is_valid_cron_string(cron)


@pytest.mark.parametrize("address", ["hooks.example.com/SECRET", "https:///SECRET", "http://hooks/SE CRET"])
def test_an_invalid_webhook_is_refused_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.chdir(tmp_path)
    message = "FRESHET_ALERT_WEBHOOK=…: should be an address that begins with http:// or https://"
    assert setting_error(monkeypatch, "FRESHET_ALERT_WEBHOOK", address) == message


def test_a_valid_webhook_is_accepted() -> None:
    value = Settings(_env_file=None, alert_webhook="https://hooks.example.com/a?b=c").alert_webhook
    assert value is not None
    assert value.get_secret_value() == "https://hooks.example.com/a?b=c"


def test_a_local_lake_becomes_an_absolute_path_and_an_s3_url_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings(lake="shop").lake == str(tmp_path / "shop")
    assert Settings(lake="s3://bucket/shop/").lake == "s3://bucket/shop"


def test_the_settings_page_has_every_setting_with_default_and_description() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `FRESHET_")]
    assert rows == [settings_row(name) for name in Settings.model_fields]


def test_the_example_file_names_every_setting() -> None:
    names = [line.split("=")[0] for line in (ROOT / ".env.example").read_text().splitlines() if "=" in line]
    assert names == [f"# FRESHET_{name.upper()}" for name in Settings.model_fields]


def settings_row(name: str) -> str:
    field = Settings.model_fields[name]
    default = f"`{field.default}`" if field.default is not None else "unset"
    return f"| `FRESHET_{name.upper()}` | {default} | {field.description} |"


@pytest.mark.parametrize("address", ["ftp://host/x", "sqlite://", "file:///runs"])
def test_an_invalid_mlflow_uri_is_refused_and_not_shown(
    address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FRESHET_MLFLOW_URI", address)
    with pytest.raises(SettingsError) as error:
        load()
    assert str(error.value) == (
        "settings: FRESHET_MLFLOW_URI=…: should be a folder, or begin with http://, https://, sqlite:/// or "
        "postgresql://; correct it in the environment or in .env (`freshet settings`)"
    )


def test_an_mlflow_folder_becomes_an_absolute_path() -> None:
    value = Settings(_env_file=None, mlflow_uri="~/mlflow").mlflow_uri
    assert value is not None
    assert value.get_secret_value() == str(Path("~/mlflow").expanduser())


def test_an_invalid_study_database_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FRESHET_OPTUNA_STORAGE", "studies.db")
    with pytest.raises(SettingsError) as error:
        load()
    assert str(error.value) == (
        "settings: FRESHET_OPTUNA_STORAGE=…: should be a database's address such as postgresql://user@host/studies; "
        "correct it in the environment or in .env (`freshet settings`)"
    )
