"""Read a YAML file as plain values, with the line and column of each key and value."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import yaml

from freshet.errors import MappingError

KeyPath = tuple[str, ...]


@dataclass(frozen=True)
class PositionedYaml:
    """The content of a YAML file.

    values: as `yaml.safe_load` returns them. value_positions: path of keys → "line:column" (from 1) of the value.
    key_positions: the same for the keys themselves.
    """

    values: dict[Hashable, object]
    value_positions: dict[KeyPath, str] = field(default_factory=dict)
    key_positions: dict[KeyPath, str] = field(default_factory=dict)


def read_positioned_yaml(path: Path, file_name: str) -> PositionedYaml:
    """Read `path`, named `file_name` in errors. Raises MappingError: a missing file, bad YAML, a key given twice."""
    text = _read_text(path, file_name)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        _raise_yaml_error(file_name, error)
    if not isinstance(node, yaml.MappingNode):
        raise MappingError(f"{file_name}:1:1", "holds no keys", "start from one of the files in examples/")
    positioned = PositionedYaml(values)
    for key_path, key, value in _walk(node, (), file_name):
        positioned.key_positions[key_path] = _position(key)
        positioned.value_positions[key_path] = _position(value)
    return positioned


def _read_text(path: Path, file_name: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise MappingError(file_name, "no such file", "name a mapping file, e.g. examples/online_retail.yaml") from None
    except UnicodeDecodeError as error:
        raise MappingError(file_name, f"byte {error.start} is not UTF-8", "save the mapping as UTF-8") from None
    except OSError as error:
        raise MappingError(file_name, f"cannot be read ({error.strerror})", "name a mapping file") from None


def _walk(node: yaml.MappingNode, parent: KeyPath, file_name: str) -> Iterator[tuple[KeyPath, yaml.Node, yaml.Node]]:
    first_positions: dict[str, str] = {}
    for key, value in node.value:
        name = str(key.value)
        if name in first_positions:
            raise MappingError(
                f"{file_name}:{_position(key)}",
                f"`{name}` is given twice, first at {first_positions[name]}",
                "keep one of the two",
            )
        first_positions[name] = _position(key)
        yield (*parent, name), key, value
        if isinstance(value, yaml.MappingNode):
            yield from _walk(value, (*parent, name), file_name)


def _position(node: yaml.Node) -> str:
    return f"{node.start_mark.line + 1}:{node.start_mark.column + 1}"


def _raise_yaml_error(file_name: str, error: yaml.YAMLError) -> NoReturn:
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    location = f"{file_name}:{mark.line + 1}:{mark.column + 1}" if mark else file_name
    problem = error.problem if isinstance(error, yaml.MarkedYAMLError) else str(error).splitlines()[0]
    raise MappingError(
        location,
        f"this is not YAML ({problem})",
        "put an expression that holds `: ` or ` #`, or starts with a quote or a backtick, into quotes or a `|` block",
    ) from None
