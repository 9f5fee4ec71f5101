"""Every library that the code imports is declared in pyproject.toml."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("freshet", "assets", "resources", "sensors", "pipelines")


def imported_modules(file: Path) -> set[str]:
    """The top-level modules that a file imports, at its top or inside a function."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            modules |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            modules.add(node.module.partition(".")[0])
    return modules


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared_libraries() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    requirements = [
        *project["dependencies"],
        *(r for group in project["optional-dependencies"].values() for r in group),
    ]
    return {normalized(re.split(r"[\[<>=!~; ]", requirement)[0]) for requirement in requirements}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_imported_library_is_declared(package):
    libraries, declared = packages_distributions(), declared_libraries()
    undeclared = {
        module: str(file.relative_to(ROOT))
        for file in sorted((ROOT / package).rglob("*.py"))
        for module in imported_modules(file) - set(sys.stdlib_module_names) - set(PACKAGES)
        if not {normalized(name) for name in libraries.get(module, [module])} & declared
    }
    assert undeclared == {}
