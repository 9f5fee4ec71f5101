"""Require a full date in times: Spark would read `10:30` as today's and `2024` as the first of January."""

from typing import Any, Final

from pyspark.sql import Column, SparkSession
from pyspark.sql.classic.column import Column as ClassicColumn

# Functions that read a text without a format.
TIME_FUNCTIONS: Final = frozenset(
    {"to_timestamp", "try_to_timestamp", "to_timestamp_ltz", "to_timestamp_ntz", "timestamp", "to_date", "try_to_date",
     "date", "timestamp_ltz", "timestamp_ntz"}
)  # fmt: skip
TIME_TYPES: Final = frozenset({"timestamp", "timestamp_ntz", "date"})
FULL_DATE_PATTERN: Final = r"^[\\s\\p{Cntrl}]*[+-]?\\d{4,}-\\d{1,2}-\\d{1,2}"
_GUARD_SQL: Final = (
    f"CASE WHEN typeof(`__text`) <> 'string' OR string(`__text`) RLIKE '{FULL_DATE_PATTERN}' THEN `__time` END"
)


def require_full_date(spark: SparkSession, expression: str) -> Column:
    """Return the expression as a column in which a text without year, month and day gives null instead of a time.

    A function that is given a format keeps its meaning.
    """
    jvm: Any = spark._jvm
    parser = spark._jsparkSession.sessionState().sqlParser()
    guard_tree = parser.parseExpression(_GUARD_SQL)
    tree = _transform_tree(jvm, parser.parseExpression(expression), lambda node: _guard_node(jvm, guard_tree, node))
    return ClassicColumn(jvm.org.apache.spark.sql.classic.ExpressionUtils.column(tree))


def _guard_node(jvm: Any, guard_tree: Any, node: Any) -> Any:
    """`node` itself; if it reads a text as a time, a CASE that gives null for texts without a full date."""
    node_class = node.getClass().getSimpleName()
    is_time_cast = (
        node_class == "UnresolvedFunction"
        and node.children().size() == 1
        and node.nameParts().last().lower() in TIME_FUNCTIONS
    ) or (node_class == "Cast" and node.dataType().simpleString() in TIME_TYPES)
    if not is_time_cast:
        return node
    replacements = {"__text": node.children().head(), "__time": node}
    return _transform_tree(jvm, guard_tree, lambda leaf: _replace_attribute(leaf, replacements))


def _replace_attribute(leaf: Any, replacements: dict[str, Any]) -> Any:
    if leaf.getClass().getSimpleName() != "UnresolvedAttribute":
        return leaf
    return replacements.get(leaf.nameParts().last(), leaf)


def _transform_tree(jvm: Any, node: Any, transform: Any) -> Any:
    """The tree with every node transformed, from the leaves up."""
    children = [
        _transform_tree(jvm, node.children().apply(index), transform) for index in range(node.children().size())
    ]
    if children:
        node = node.withNewChildren(jvm.scala.jdk.javaapi.CollectionConverters.asScala(children).toSeq())
    return transform(node)
