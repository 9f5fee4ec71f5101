"""Names in the code: the words that docs/glossary.md and our style exclude, searched in the syntax trees."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("freshet", "assets", "resources", "sensors", "pipelines", "benchmarks", "tests")
# A participle, an adverb or a pronoun does not say what a value is.
EXCLUDED_NAMES = frozenset(
    [
        "found",
        "made",
        "kept",
        "told",
        "asked",
        "wanted",
        "said",
        "begun",
        "settled",
        "taught",
        "given",
        "drawn",
        "brought",
        "gone",
        "lost",
        "meant",
        "known",
        "shown",
        "whole",
        "own",
        "fresh",
        "never",
        "usual",
        "surely",
        "nothing",
        "nobody",
        "somebody",
        "whoever",
        "whatever",
    ]
)
MAX_TEST_NAME = 90


def python_files() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def bound_names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every name that the code gives: variables, parameters, fields, functions, classes. (name, line)"""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno


def test_no_name_is_a_participle_or_a_pronoun():
    uses = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in python_files()
        for name, line in bound_names(ast.parse(path.read_text(encoding="utf-8")))
        if name.strip("_").lower() in EXCLUDED_NAMES
    ]
    assert uses == []


def test_no_test_name_is_too_long():
    names = [
        name
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert [name for name in names if len(name) > MAX_TEST_NAME] == []


def class_places() -> dict[str, list[str]]:
    """The modules of freshet in which each public class name is defined."""
    places: dict[str, list[str]] = {}
    for path in sorted((ROOT / "freshet").rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    return places


def test_no_class_name_has_two_meanings():
    assert {name: files for name, files in class_places().items() if len(files) > 1} == {}


def folders() -> dict[str, int]:
    """Folder → number of modules in it, `__init__` left out."""
    return {
        str(folder.relative_to(ROOT)): sum(path.name != "__init__.py" for path in folder.glob("*.py"))
        for folder in [ROOT / "freshet", *(ROOT / "freshet").rglob("*")]
        if folder.is_dir() and folder.name != "__pycache__"
    }


def test_no_folder_has_too_many_modules():
    assert folders()["freshet"] <= 10
    assert {name: count for name, count in folders().items() if count > 21} == {}


def test_every_package_has_a_docstring():
    empty = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "freshet").rglob("__init__.py")
        if not (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "")
    ]
    assert empty == []
