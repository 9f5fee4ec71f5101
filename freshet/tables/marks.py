"""A YAML file as plain values plus the line and column at which each of them stands."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import yaml

from freshet.errors import MappingError

Path_ = tuple[str, ...]


@dataclass(frozen=True)
class Marked:
    """values: what `yaml.safe_load` gives. marks: path of keys → "line:column" (from 1) of the value.

    keys: the same for the key itself, which is what an unknown key is pointed at with.
    """

    values: dict[Hashable, object]
    marks: dict[Path_, str] = field(default_factory=dict)
    keys: dict[Path_, str] = field(default_factory=dict)


def read_marked(path: Path, shown: str) -> Marked:
    """Read `path`; errors call it `shown`. Raises MappingError for a missing file, bad YAML, a key given twice."""
    text = _text(path, shown)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        _refuse(shown, error)
    if not isinstance(node, yaml.MappingNode):
        raise MappingError(f"{shown}:1:1", "holds no keys", "start from one of the files in examples/")
    marked = Marked(values)
    for place, key, value in _walk(node, (), shown):
        marked.keys[place] = _mark(key)
        marked.marks[place] = _mark(value)
    return marked


def _text(path: Path, shown: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise MappingError(shown, "no such file", "name a mapping file, e.g. examples/online_retail.yaml") from None
    except UnicodeDecodeError as error:
        raise MappingError(shown, f"byte {error.start} is not UTF-8", "save the mapping as UTF-8") from None
    except OSError as error:
        raise MappingError(shown, f"cannot be read ({error.strerror})", "name a mapping file") from None


def _walk(node: yaml.MappingNode, above: Path_, shown: str) -> Iterator[tuple[Path_, yaml.Node, yaml.Node]]:
    seen: dict[str, str] = {}
    for key, value in node.value:
        name = str(key.value)
        if name in seen:
            raise MappingError(
                f"{shown}:{_mark(key)}", f"`{name}` is given twice, first at {seen[name]}", "keep one of the two"
            )
        seen[name] = _mark(key)
        yield (*above, name), key, value
        if isinstance(value, yaml.MappingNode):
            yield from _walk(value, (*above, name), shown)


def _mark(node: yaml.Node) -> str:
    return f"{node.start_mark.line + 1}:{node.start_mark.column + 1}"


def _refuse(shown: str, error: yaml.YAMLError) -> NoReturn:
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    place = f"{shown}:{mark.line + 1}:{mark.column + 1}" if mark else shown
    said = error.problem if isinstance(error, yaml.MarkedYAMLError) else str(error).splitlines()[0]
    raise MappingError(
        place,
        f"this is not YAML ({said})",
        "put an expression that holds `: ` or ` #`, or starts with a quote or a backtick, into quotes or a `|` block",
    ) from None
