"""The source of each setting (environment, `.env` or default), and settings under their former names."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv.parser import parse_stream
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource, PydanticBaseSettingsSource

from freshet.errors import SettingsError


@dataclass(frozen=True)
class SettingSource:
    """One setting with its value and source."""

    variable: str
    value: str | None  # None if it is unset, stars if it is a secret
    source: str  # "default", ".env" or "environment"
    description: str


class FormerNamesSource(PydanticBaseSettingsSource):
    """Values given under a former name of a setting, for pydantic-settings.

    variables: of the environment or of `.env`. former_names: field name -> its former name, both lower case, without
    the prefix.
    """

    def __init__(
        self, model: type[BaseSettings], variables: EnvSettingsSource, former_names: Mapping[str, str]
    ) -> None:
        super().__init__(model)
        self.variables, self.former_names = variables, former_names

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[str | None, str, bool]:  # noqa: ARG002
        """Return (value under the former name or None, field name, False because it is no JSON)."""
        former_name = self.former_names.get(field_name, "")
        variable = f"{_prefix(self.settings_cls)}{former_name}".lower() if former_name else ""
        return self.variables.env_vars.get(variable) or None, field_name, False

    def __call__(self) -> dict[str, object]:
        """Return field name -> value of the settings that are given under a former name."""
        values = (
            (name, self.get_field_value(field, name)[0]) for name, field in self.settings_cls.model_fields.items()
        )
        return {name: value for name, value in values if value is not None}


def setting_sources(settings: BaseSettings, former_names: Mapping[str, str]) -> list[SettingSource]:
    """Return every setting with its source, in the order of the model's fields."""
    model = type(settings)
    prefix = _prefix(model)
    in_environment, in_file = _defined_names(model)
    rows = []
    for name, field in model.model_fields.items():
        variables = {f"{prefix}{n.upper()}" for n in (name, former_names.get(name, name))}
        source = "environment" if variables & in_environment else ".env" if variables & in_file else "default"
        value = _display_value(getattr(settings, name))
        rows.append(SettingSource(f"{prefix}{name.upper()}", value, source, field.description or ""))
    return rows


def check_env_file(model: type[BaseSettings]) -> None:
    """Raise SettingsError for a line of `.env` that is neither `NAME=value` nor a comment: pydantic would ignore it."""
    file = Path(str(model.model_config["env_file"]))
    if not file.is_file():
        return
    with file.open(encoding="utf-8") as lines:
        bad_line = next((binding.original for binding in parse_stream(lines) if binding.error), None)
    if bad_line is not None:
        where, text = f"{file}:{bad_line.line}", bad_line.string.strip()
        raise SettingsError(where, f"{text!r} is no setting", "write NAME=value, or put a # before it")


def variable_warnings(model: type[BaseSettings], former_names: Mapping[str, str]) -> list[str]:
    """Return one line for each variable with the settings' prefix that is no setting or has a new name."""
    prefix = _prefix(model)
    defined = set().union(*_defined_names(model))
    setting_names = [name.upper() for name in model.model_fields]
    new_names = {former.upper(): name.upper() for name, former in former_names.items()}
    lines = []
    for name in sorted(name.removeprefix(prefix) for name in defined if name.startswith(prefix)):
        if name in setting_names:
            continue
        if name not in new_names:
            lines.append(f"{prefix}{name}: no such setting, it is ignored{_hint(prefix, name, setting_names)}")
        elif f"{prefix}{new_names[name]}" in defined:
            lines.append(f"{prefix}{name}: it is ignored, because {prefix}{new_names[name]}, its new name, is set too")
        else:
            lines.append(f"{prefix}{name} is now {prefix}{new_names[name]}; the former name still works")
    return lines


def _hint(prefix: str, name: str, setting_names: list[str]) -> str:
    """Return `; did you mean …?`, or "" if no setting has a similar name."""
    matches = difflib.get_close_matches(name, setting_names, n=1)
    return f"; did you mean {prefix}{matches[0]}?" if matches else ""


def _prefix(model: type[BaseSettings]) -> str:
    return str(model.model_config["env_prefix"])


def _defined_names(model: type[BaseSettings]) -> tuple[set[str], set[str]]:
    """Return the names with a value, upper case: (in the environment, in `.env`). An empty value counts as unset."""
    return _nonempty_names(EnvSettingsSource(model)), _nonempty_names(DotEnvSettingsSource(model))


def _nonempty_names(source: EnvSettingsSource) -> set[str]:
    return {name.upper() for name, value in source.env_vars.items() if value}


def _display_value(value: object) -> str | None:
    """Return the value as the user would write it, stars for a secret."""
    if isinstance(value, SecretStr):
        return "********"
    return None if value is None else str(value)
