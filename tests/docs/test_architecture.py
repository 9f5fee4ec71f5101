"""docs/architecture.md names functions, files and layers that exist."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
LAYERS = "freshet|assets|resources|sensors|pipelines"
FUNCTION_NAMES = sorted(set(re.findall(rf"`((?:{LAYERS})(?:\.\w+)+)`", PAGE)))
PATHS = sorted(set(re.findall(rf"`((?:{LAYERS}|docs|tests)/[\w./]*)`", PAGE)))


def definitions(tree: ast.AST) -> dict[str, ast.AST]:
    """The functions and classes that a module or class body defines, by name."""
    body = getattr(tree, "body", [])
    return {n.name: n for n in body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}


def is_defined(dotted_name: str) -> bool:
    """Whether it is a package, a module, or a function, class or method in one."""
    parts = dotted_name.split(".")
    if ROOT.joinpath(*parts).is_dir():
        return True
    n_module_parts = next(
        (n for n in range(len(parts), 0, -1) if ROOT.joinpath(*parts[:n]).with_suffix(".py").is_file()), 0
    )
    if not n_module_parts:
        return False
    tree: ast.AST = ast.parse(ROOT.joinpath(*parts[:n_module_parts]).with_suffix(".py").read_text(encoding="utf-8"))
    for name in parts[n_module_parts:]:
        if name not in definitions(tree):
            return False
        tree = definitions(tree)[name]
    return True


def test_the_page_names_functions_and_files():
    assert len(FUNCTION_NAMES) > 40
    assert len(PATHS) > 15


@pytest.mark.parametrize("name", FUNCTION_NAMES)
def test_a_named_function_exists(name):
    assert is_defined(name)


def test_a_function_that_does_not_exist_is_noticed():
    assert not is_defined("freshet.training.trainer.no_such_function")
    assert not is_defined("freshet.no_such_module.fit")


@pytest.mark.parametrize("path", PATHS)
def test_a_named_file_exists(path):
    assert (ROOT / path).exists()


def contract_levels() -> list[set[str]]:
    """The levels of freshet in pyproject.toml, from top to bottom."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(c["layers"] for c in contracts if c.get("containers") == ["freshet"])
    return [{name.strip() for name in layer.split("|")} for layer in layers]


def page_levels() -> list[set[str]]:
    """The levels of the page's table of packages, from top to bottom."""
    levels: list[set[str]] = []
    table = PAGE.split("| level | package |")[1].split("\n\n")[0]
    for number, names in re.findall(r"^\| (\d*) *\| ((?:`\w+`(?:, )?)+) \|", table, re.MULTILINE):
        if number:
            levels.append(set())
        levels[-1] |= set(re.findall(r"`(\w+)`", names))
    return levels


def test_the_table_of_packages_is_the_import_contract():
    assert page_levels() == contract_levels()
