"""Times need a full date: Spark reads `10:30` as today's and `2024` as the first of January; both would be wrong."""

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pyspark.sql import Column, SparkSession

# Functions that read a text without being told its format.
READERS: Final = frozenset(
    {"to_timestamp", "try_to_timestamp", "to_timestamp_ltz", "to_timestamp_ntz", "timestamp", "to_date", "try_to_date",
     "date", "timestamp_ltz", "timestamp_ntz"}
)  # fmt: skip
TIMES: Final = frozenset({"timestamp", "timestamp_ntz", "date"})
FULL_DATE: Final = r"^[\\s\\p{Cntrl}]*[+-]?\\d{4,}-\\d{1,2}-\\d{1,2}"
_GUARDED: Final = f"CASE WHEN typeof(`__text`) <> 'string' OR string(`__text`) RLIKE '{FULL_DATE}' THEN `__time` END"


def dated(spark: "SparkSession", text: str) -> "Column":
    """The expression `text`, in which a text without year, month and day becomes no time at all.

    Where the expression names a format itself, it is left alone.
    """
    from pyspark.sql.classic.column import Column as ClassicColumn

    jvm: Any = spark._jvm
    parser = spark._jsparkSession.sessionState().sqlParser()
    guarded = parser.parseExpression(_GUARDED)
    tree = _rebuilt(jvm, parser.parseExpression(text), lambda node: _guard(jvm, guarded, node))
    return ClassicColumn(jvm.org.apache.spark.sql.classic.ExpressionUtils.column(tree))


def _guard(jvm: Any, guarded: Any, node: Any) -> Any:
    """`node` itself, or where it reads a text as a time, the same for texts with a full date only."""
    kind = node.getClass().getSimpleName()
    reads = (
        kind == "UnresolvedFunction" and node.children().size() == 1 and node.nameParts().last().lower() in READERS
    ) or (kind == "Cast" and node.dataType().simpleString() in TIMES)
    if not reads:
        return node
    parts = {"__text": node.children().head(), "__time": node}
    return _rebuilt(jvm, guarded, lambda leaf: _named(leaf, parts))


def _named(leaf: Any, parts: dict[str, Any]) -> Any:
    if leaf.getClass().getSimpleName() != "UnresolvedAttribute":
        return leaf
    return parts.get(leaf.nameParts().last(), leaf)


def _rebuilt(jvm: Any, node: Any, change: Any) -> Any:
    """The tree with every node changed, from the leaves up."""
    children = [_rebuilt(jvm, node.children().apply(place), change) for place in range(node.children().size())]
    if children:
        node = node.withNewChildren(jvm.scala.jdk.javaapi.CollectionConverters.asScala(children).toSeq())
    return change(node)
