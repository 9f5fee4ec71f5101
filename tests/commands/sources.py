"""The command lines that messages name: in backticks in a string of the source, or built by freshet/commands.py."""

import ast
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from freshet import commands
from freshet.store import open_store
from freshet.tables import agreement
from tests.commands.pages import PROGRAM, ROOT, Line

FLOORS = ("freshet", "assets", "resources", "sensors", "pipelines")
# What the code fills in: the expression as it stands there → a value it may have. Any other is filled with `1`.
FILLED = {
    "table": "histories",
    "name": "training_set",
    "LAND": commands.LAND,
    "MADE_FROM_EVENTS": agreement.MADE_FROM_EVENTS,
}
WHOLE = re.compile(
    r"(FRESHET_\w+=\S+ |\.venv/bin/)*(dagster (asset|job) .*|freshet [a-z]+( --?\w.*)?|make \w+( \w+=\w+)*)"
)
TWO_DAYS = commands.day_range([date(2024, 3, 1), date(2024, 3, 9)])


def source_lines(lake: Path) -> list[Line]:
    """Every command line that a message of these floors may show. lake: an empty folder."""
    paths = sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))
    paths.remove(Path(commands.__file__))  # where it is called each of its lines is built
    return [line for path in paths for line in _of_source(path, lake)]


def _of_source(path: Path, lake: Path) -> Iterator[Line]:
    tree = ast.parse(path.read_text())
    passed_over = _docstrings(tree) | _parts_of_f_strings(tree)
    for node in ast.walk(tree):
        where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Call):
            text = _built(node, lake)
            yield from (Line(where, code) for code in re.findall(r"`([^`]+)`", text))
        elif isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in passed_over:
            text = _text(node)
            yield from (Line(where, code) for code in re.findall(r"`([^`]+)`", text) if PROGRAM.match(code))
            if WHOLE.fullmatch(text):
                yield Line(where, text, mention=True)


def _docstrings(tree: ast.AST) -> set[int]:
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, owners) and node.body]
    return {id(body[0].value) for body in bodies if isinstance(body[0], ast.Expr)}


def _parts_of_f_strings(tree: ast.AST) -> set[int]:
    return {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}


def _text(node: ast.AST) -> str:
    """A string's text; of an f-string what is filled in is a value that it may have."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return FILLED.get(ast.unparse(node.value), "1")
    return FILLED.get(ast.unparse(node), "1")


def _built(node: ast.Call, lake: Path) -> str:
    """What a call of freshet/commands.py gives; "" for any other call."""
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name == "materialize":
        return commands.materialize(_text(node.args[0]), TWO_DAYS if len(node.args) > 1 else "")
    if name == "execute":
        return commands.execute(_text(node.args[0]))
    if name == "release_by_name":
        return commands.release_by_name("7c491366e4d4")
    if name == "rollback_to":
        return commands.rollback_to(1)
    if name == "load_days":
        return commands.load_days(open_store(str(lake)), *(_text(one) for one in node.args[1:]))
    return ""
