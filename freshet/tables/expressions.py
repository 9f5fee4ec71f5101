"""Spark SQL expressions of a mapping: analysed before anything runs, and applied so that one bad value is null."""

import difflib
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from freshet.errors import MappingError
from freshet.tables.column_names import bare_name, oddity, sql_name

if TYPE_CHECKING:
    from pyspark.errors import AnalysisException
    from pyspark.sql import SparkSession
    from pyspark.sql.types import DataType, StructType

ANSI = "spark.sql.ansi.enabled"
NUMERIC = ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal", "string", "void")
TEXT = (*NUMERIC, "boolean", "date", "timestamp", "timestamp_ntz")
WANTED: dict[str, tuple[tuple[str, ...], str]] = {
    "where": (("boolean",), "write a condition, e.g. `Quantity > 0`"),
    "events.event_time": (
        ("timestamp", "timestamp_ntz"),
        "turn it into a timestamp, e.g. to_timestamp(x, 'yyyy-MM-dd HH:mm:ss') or timestamp_millis(x)",
    ),
    "events.quantity": (NUMERIC, "write a number, or text that holds one"),
    "events.price": (NUMERIC, "write a number, or text that holds one"),
}
ELSE = (TEXT, "name one value, not a list or a struct")


@contextmanager
def lenient(spark: "SparkSession") -> Iterator[None]:
    """Expressions analysed in here give null for a value they cannot cast or parse, instead of failing the job.

    Spark fixes this when it analyses an expression, so the rest of the session keeps the strict (ANSI) rules.
    """
    with session_set(spark, ANSI, "false"):
        yield


@contextmanager
def session_set(spark: "SparkSession", key: str, value: str) -> Iterator[None]:
    """A setting of the session is another one in here."""
    before = spark.conf.get(key)
    spark.conf.set(key, value)
    try:
        yield
    finally:
        spark.conf.set(key, str(before))


@contextmanager
def _untold() -> Iterator[None]:
    """PySpark logs every analysis error with its Java stack; here they become errors of our own."""
    logger = logging.getLogger("SQLQueryContextLogger")
    before = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = before


def fit(expressions: Mapping[str, str], schema: "StructType", spark: "SparkSession") -> bool:
    """Whether all expressions, by key, are sound over `schema`: two analyses for all, so every run can afford it."""
    from pyspark.errors import AnalysisException
    from pyspark.sql import functions as F

    if any(_is_column_unquoted(text, schema) for text in expressions.values()):
        return False
    empty = spark.createDataFrame([], schema)
    parsed = [F.expr(text).alias(str(place)) for place, text in enumerate(expressions.values())]
    try:
        with lenient(spark), _untold():
            empty.where(F.coalesce(*(column.isNotNull() for column in parsed)))
            types = [field.dataType for field in empty.select(*parsed).schema]
    except AnalysisException:
        return False
    return all(_takes(key, found) for key, found in zip(expressions, types, strict=True))


def analyse(where: str, key: str, text: str, schema: "StructType", spark: "SparkSession") -> None:
    """Raise MappingError unless `text` is an expression over `schema` whose result `key` can take."""
    if _is_column_unquoted(text, schema):  # Spark may well take it, as a number or a calculation
        raise _unquoted(where, text, bare_name(text, schema.fieldNames()) or text)
    found = _result_type(where, text, schema, spark)
    if not _takes(key, found):
        wanted, fix = WANTED.get(key, ELSE)
        raise MappingError(where, f"`{text.strip()}` gives {found.simpleString()}, not {_listed(wanted)}", fix)


def _is_column_unquoted(text: str, schema: "StructType") -> bool:
    """Whether the expression is a column's name that needs backticks, and nothing else."""
    return any(name.strip() == text.strip() and sql_name(name) != name for name in schema.fieldNames())


def _unquoted(where: str, text: str, name: str) -> MappingError:
    what = f"`{text.strip()}`: the column {name} needs backticks, for its name has {oddity(name)}"
    fix = f'write "{sql_name(name)}"; YAML wants the outer quotes where an expression begins with a backtick'
    return MappingError(where, what, fix)


def _takes(key: str, found: "DataType") -> bool:
    return re.split(r"[(<]", found.simpleString())[0] in WANTED.get(key, ELSE)[0]


def _listed(wanted: tuple[str, ...]) -> str:
    if wanted is NUMERIC:
        return "a number"
    return "text" if wanted is TEXT else f"a {wanted[0]}"


def _result_type(where: str, text: str, schema: "StructType", spark: "SparkSession") -> "DataType":
    from pyspark.errors import AnalysisException
    from pyspark.sql import functions as F

    empty = spark.createDataFrame([], schema)
    try:
        with lenient(spark), _untold():
            # A filter takes only what has one value per row: no aggregates, windows or generators.
            empty.where(F.expr(text).isNotNull())
            return empty.select(F.expr(text)).schema[0].dataType
    except AnalysisException as error:  # a ParseException is one too
        bare = bare_name(text, schema.fieldNames())
        if bare is not None:
            raise _unquoted(where, text, bare) from None
        what, fix = _said(error, schema, spark)
        raise MappingError(where, f"`{text.strip()}`: {what}", fix) from None


def _said(error: "AnalysisException", schema: "StructType", spark: "SparkSession") -> tuple[str, str]:
    condition = error.getCondition() or ""
    named = error.getMessageParameters() or {}
    if condition.startswith(("UNRESOLVED_COLUMN", "FIELD_NOT_FOUND")):
        name = (named.get("objectName") or named.get("fieldName") or "").replace("`", "")
        return f"the source has no column {name}", _close(name, schema.fieldNames(), "the source has")
    if condition == "UNRESOLVED_ROUTINE":
        name = named.get("routineName", "").replace("`", "")
        functions = [row[0] for row in spark.sql("SHOW FUNCTIONS").collect()]
        return f"Spark has no function {name}", _close(name, functions, None)
    first = re.sub(r"\s*SQLSTATE: \w+\s*", " ", str(error).split("\n\n")[0]).replace("\n", " ").strip()
    return f"Spark says {first}", "mend the expression (Spark SQL functions: spark.apache.org/docs/latest/api/sql)"


def _close(name: str, known: list[str], otherwise: str | None) -> str:
    lower = {k.lower(): k for k in known}
    close = [lower[match] for match in difflib.get_close_matches(name.lower(), list(lower), n=3, cutoff=0.6)]
    if close:
        return f"did you mean {' or '.join(map(sql_name, close))}?"
    return f"{otherwise} {', '.join(map(sql_name, known))}" if otherwise else "see the list of Spark SQL functions"
