"""The command lines that messages name: in backticks in a string of the source, or built by freshet/commands.py."""

import ast
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from freshet import commands
from freshet.publishing import day_consistency
from freshet.store import open_store
from tests.commands.pages import PROGRAM_PATTERN, ROOT, CommandLine

SOURCE_PACKAGES = ("freshet", "assets", "resources", "sensors", "pipelines")
# Expression in an f-string of the source → a value that it may have. Any other expression gets the value `1`.
PLACEHOLDER_VALUES = {
    "table": "histories",
    "asset": "training_set",
    "LAND_COMMAND": commands.LAND_COMMAND,
    "EVENT_TABLES_SELECTION": day_consistency.EVENT_TABLES_SELECTION,
}
COMMAND_PATTERN = re.compile(
    r"(FRESHET_\w+=\S+ |\.venv/bin/)*(dagster (asset|job) .*|freshet [a-z]+( --?\w.*)?|make \w+( \w+=\w+)*)"
)
TWO_DAY_RANGE = commands.partition_range([date(2024, 3, 1), date(2024, 3, 9)])


def source_lines(lake: Path) -> list[CommandLine]:
    """Return every command line that a message of these packages may show. lake: an empty folder."""
    paths = sorted(path for package in SOURCE_PACKAGES for path in (ROOT / package).rglob("*.py"))
    paths.remove(Path(commands.__file__))  # its lines are collected where its functions are called
    return [line for path in paths for line in _module_lines(path, lake)]


def _module_lines(path: Path, lake: Path) -> Iterator[CommandLine]:
    tree = ast.parse(path.read_text())
    ignored_nodes = _docstrings(tree) | _f_string_parts(tree)
    for node in ast.walk(tree):
        where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Call):
            text = _command_text(node, lake)
            yield from (CommandLine(where, code) for code in re.findall(r"`([^`]+)`", text))
        elif isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in ignored_nodes:
            text = _string_text(node)
            yield from (
                CommandLine(where, code) for code in re.findall(r"`([^`]+)`", text) if PROGRAM_PATTERN.match(code)
            )
            if COMMAND_PATTERN.fullmatch(text):
                yield CommandLine(where, text, mention=True)


def _docstrings(tree: ast.AST) -> set[int]:
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, owners) and node.body]
    return {id(body[0].value) for body in bodies if isinstance(body[0], ast.Expr)}


def _f_string_parts(tree: ast.AST) -> set[int]:
    return {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}


def _string_text(node: ast.AST) -> str:
    """A string's text; expressions of an f-string are replaced by values that they may have."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(_string_text(part) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return PLACEHOLDER_VALUES.get(ast.unparse(node.value), "1")
    return PLACEHOLDER_VALUES.get(ast.unparse(node), "1")


def _command_text(node: ast.Call, lake: Path) -> str:
    """The result of a call of freshet/commands.py; "" for any other call."""
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name == "materialize_command":
        return commands.materialize_command(_string_text(node.args[0]), TWO_DAY_RANGE if len(node.args) > 1 else "")
    if name == "execute_job_command":
        return commands.execute_job_command(_string_text(node.args[0]))
    if name == "release_command":
        return commands.release_command("7c491366e4d4")
    if name == "rollback_command":
        return commands.rollback_command(1)
    if name == "materialize_hint":
        return commands.materialize_hint(open_store(str(lake)), *(_string_text(argument) for argument in node.args[1:]))
    return ""
