"""The installed size of the gateway's libraries: the base dependencies and all that they need."""

import tomllib
from collections.abc import Iterable
from importlib.metadata import distribution, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

RUNTIME_PACKAGE = "onnxruntime-gpu"  # counted separately


def base_dependencies(pyproject: Path) -> list[str]:
    """The wheel's dependencies without extras."""
    dependencies: list[str] = tomllib.loads(pyproject.read_text())["project"]["dependencies"]
    return dependencies


def dependency_closure(requirements: Iterable[str]) -> set[str]:
    """Names of the required packages and of all their dependencies on this machine."""
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
    """Bytes of a package's files, as recorded when it was installed."""
    return sum(file.size or 0 for file in distribution(package).files or ())


def _is_needed(requirement: Requirement, extras: set[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))
