"""Where each setting's value came from, for `freshet settings` and `freshet doctor`."""

import difflib
from dataclasses import dataclass
from pathlib import Path

from dotenv.parser import parse_stream
from pydantic import SecretStr
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from freshet.errors import SettingsError
from freshet.settings import PREFIX, Settings


@dataclass(frozen=True)
class SettingSource:
    """One setting as it stands. value: None where it is unset, stars where it is a secret."""

    variable: str
    value: str | None
    source: str  # "default", ".env" or "environment"
    description: str


def setting_sources(settings: Settings) -> list[SettingSource]:
    """Every setting in the order in which the model declares them."""
    in_environment, in_file = _defined_names()
    rows = []
    for name, field in Settings.model_fields.items():
        variable = f"{PREFIX}{name.upper()}"
        source = "environment" if variable in in_environment else ".env" if variable in in_file else "default"
        rows.append(SettingSource(variable, _display_value(getattr(settings, name)), source, field.description or ""))
    return rows


def check_env_file() -> None:
    """Raise SettingsError for a line of `.env` that is neither `NAME=value` nor a comment: it would be left out."""
    file = Path(str(Settings.model_config["env_file"]))
    if not file.is_file():
        return
    with file.open(encoding="utf-8") as lines:
        bad_line = next((binding.original for binding in parse_stream(lines) if binding.error), None)
    if bad_line is not None:
        where, text = f"{file}:{bad_line.line}", bad_line.string.strip()
        raise SettingsError(where, f"{text!r} is no setting", "write NAME=value, or put a # before it")


def unknown_variables() -> dict[str, str | None]:
    """Variables that look like settings and are none: each with the setting's name that is nearest, if one is near."""
    in_environment, in_file = _defined_names()
    setting_names = [name.upper() for name in Settings.model_fields]
    names = sorted(name.removeprefix(PREFIX) for name in in_environment | in_file if name.startswith(PREFIX))
    return {f"{PREFIX}{name}": _closest_setting(name, setting_names) for name in names if name not in setting_names}


def _closest_setting(name: str, setting_names: list[str]) -> str | None:
    matches = difflib.get_close_matches(name, setting_names, n=1)
    return f"{PREFIX}{matches[0]}" if matches else None


def _defined_names() -> tuple[set[str], set[str]]:
    """Names with a value, upper case: in the environment, in `.env`. An empty value counts as unset, as in Settings."""
    return _nonempty_names(EnvSettingsSource(Settings)), _nonempty_names(DotEnvSettingsSource(Settings))


def _nonempty_names(source: EnvSettingsSource) -> set[str]:
    return {name.upper() for name, value in source.env_vars.items() if value}


def _display_value(value: object) -> str | None:
    """As the user would write it; a secret never."""
    if isinstance(value, SecretStr):
        return "********"
    return None if value is None else str(value)
