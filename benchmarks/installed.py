"""How much disk the gateway's libraries take: all that the base dependencies need, from their own records."""

import tomllib
from collections.abc import Iterable
from importlib.metadata import distribution, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

RUNTIME_PACKAGE = "onnxruntime-gpu"  # counted apart


def base_dependencies(pyproject: Path) -> list[str]:
    """What the wheel needs without any extra."""
    dependencies: list[str] = tomllib.loads(pyproject.read_text())["project"]["dependencies"]
    return dependencies


def dependency_closure(requirements: Iterable[str]) -> set[str]:
    """The names of all packages that these need on this machine, themselves included."""
    visited_keys: set[tuple[str, frozenset[str]]] = set()
    pending_requirements = [Requirement(line) for line in requirements]
    while pending_requirements:
        requirement = pending_requirements.pop()
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if key in visited_keys:
            continue
        visited_keys.add(key)
        inner = map(Requirement, requires(requirement.name) or ())
        pending_requirements += [dependency for dependency in inner if _is_needed(dependency, requirement.extras)]
    return {name for name, _ in visited_keys}


def package_bytes(package: str) -> int:
    """Bytes of its files, as recorded when it was installed."""
    return sum(file.size or 0 for file in distribution(package).files or ())


def _is_needed(requirement: Requirement, extras: set[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))
