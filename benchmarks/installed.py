"""How much disk the gateway's libraries take: all that the base dependencies need, from their own records."""

import tomllib
from collections.abc import Iterable
from importlib.metadata import distribution, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

RUNTIME = "onnxruntime-gpu"  # counted apart


def base_dependencies(pyproject: Path) -> list[str]:
    """What the wheel needs without any extra."""
    found: list[str] = tomllib.loads(pyproject.read_text())["project"]["dependencies"]
    return found


def closure(requirements: Iterable[str]) -> set[str]:
    """The names of all packages that these need on this machine, themselves included."""
    found: set[tuple[str, frozenset[str]]] = set()
    asked = [Requirement(line) for line in requirements]
    while asked:
        requirement = asked.pop()
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if key in found:
            continue
        found.add(key)
        inner = map(Requirement, requires(requirement.name) or ())
        asked += [one for one in inner if _needed(one, requirement.extras)]
    return {name for name, _ in found}


def size(package: str) -> int:
    """Bytes of its files, as recorded when it was installed."""
    return sum(file.size or 0 for file in distribution(package).files or ())


def _needed(requirement: Requirement, extras: set[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))
