"""docs/tables.md lists every column of freshet/tables/schemas.py, with a reader that exists."""

import re
from pathlib import Path

import pytest

from freshet.tables.schemas import TABLES

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "tables.md").read_text()
FEATURES = ("item_features", "user_features")


def documented_columns() -> dict[str, list[list[str]]]:
    """Table → (column, type, meaning, read by), as the page has them."""
    columns_by_table = {}
    for part in re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]:
        name, *lines = part.splitlines()
        rows = [line.strip("|").split("|") for line in lines if line.startswith("|")]
        columns_by_table[name] = [[cell.strip() for cell in row] for row in rows[2:]]
    return columns_by_table


def readers(name: str) -> list[str]:
    return [row[3] for row in documented_columns()[name]]


def test_every_table_is_listed_and_no_other():
    assert list(documented_columns()) == [table.name for table in TABLES]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_column_is_documented_with_type_and_meaning(table):
    rows = [row[:3] for row in documented_columns()[table.name]]
    assert rows == [[f"`{column.name}`", f"`{column.type}`", column.description] for column in table.columns]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_column_has_a_reader_named(table):
    assert all(readers(table.name))
    if table.name in FEATURES:
        assert not [reader for reader in readers(table.name) if "`" not in reader]


def test_every_function_that_is_named_exists():
    names = {name for table in TABLES for reader in readers(table.name) for name in re.findall(r"`(\w+\.\w+)`", reader)}
    sources = [(path.stem, path.read_text()) for path in (ROOT / "freshet").rglob("*.py")]
    defined_names = {
        f"{stem}.{name}" for stem, text in sources for name in re.findall(r"^(?:def|class) (\w+)", text, re.MULTILINE)
    }
    assert sorted(names - defined_names) == []
    assert len(names) > 15
