"""The columns that a mapping's Spark SQL expressions name, found without Spark by sqlglot."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from freshet.ingest.mapping.source_mapping import SourceMapping

if TYPE_CHECKING:
    from sqlglot.expressions import Expr


def required_columns(mapping: SourceMapping) -> frozenset[str]:
    """Return the columns that every file must have, in lower case: those used, without `source.optional`."""
    exploded = {mapping.source.explode.lower()} if mapping.source.explode else set()
    return (columns_used(mapping) | exploded) - {name.lower() for name in mapping.source.optional}


def required_keys(mapping: SourceMapping) -> frozenset[str]:
    """Return the keys that at least one record of every json file must have, spelled as in the mapping's schema.

    They are the required columns and the fields that the expressions name inside them (`aid` of `events.aid`).
    """
    optional = {name.lower() for name in mapping.source.optional}
    nested = frozenset[str]().union(*(_nested_fields(text) for text in mapping.expressions().values()))
    required = (required_columns(mapping) | nested) - optional
    return frozenset(name for name in _declared_names(mapping.source.schema_ or "") if name.lower() in required)


def columns_used(mapping: SourceMapping) -> frozenset[str]:
    """Return the source columns that the mapping's expressions name (of `events.aid` only `events`), in lower case."""
    return frozenset[str]().union(*(_column_names(text) for text in mapping.expressions().values()))


def columns_in(expression: str, names: Sequence[str]) -> list[str]:
    """Return those of `names` that the expression reads."""
    used = _column_names(expression)
    return [name for name in names if name.lower() in used]


def _column_names(expression: str) -> set[str]:
    from sqlglot import exp

    tree = _parse(f"SELECT {expression}")
    return set() if tree is None else {column.parts[0].name.lower() for column in tree.find_all(exp.Column)}


def _nested_fields(expression: str) -> set[str]:
    """The fields of structs that an expression names, in lower case: what follows a dot."""
    from sqlglot import exp

    tree = _parse(f"SELECT {expression}")
    if tree is None:
        return set()
    in_columns = {part.name.lower() for column in tree.find_all(exp.Column) for part in column.parts[1:]}
    return in_columns | {dot.expression.name.lower() for dot in tree.find_all(exp.Dot)}


def _declared_names(schema: str) -> list[str]:
    """The columns and fields that a schema in Spark DDL declares, at any depth."""
    from sqlglot import exp

    tree = _parse(f"CREATE TABLE source ({schema})")
    return [] if tree is None else [column.name for column in tree.find_all(exp.ColumnDef)]


def _parse(sql: str) -> "Expr | None":
    """The syntax tree; None for what sqlglot cannot parse, of which Spark's own analysis names the error later."""
    from sqlglot import parse_one
    from sqlglot.errors import SqlglotError

    try:
        return parse_one(sql, dialect="spark")
    except SqlglotError:
        return None
