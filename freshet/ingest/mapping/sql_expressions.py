"""Check a mapping's Spark SQL expressions before they run: their columns, functions and result types."""

import difflib
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from freshet.errors import MappingError
from freshet.ingest.mapping.column_names import describe_special_character, sql_name, unquoted_column

if TYPE_CHECKING:
    from pyspark.errors import AnalysisException
    from pyspark.sql import SparkSession
    from pyspark.sql.types import DataType, StructType

ANSI_SETTING = "spark.sql.ansi.enabled"
NUMERIC_TYPES = ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal", "string", "void")
TEXT_TYPES = (*NUMERIC_TYPES, "boolean", "date", "timestamp", "timestamp_ntz")
EXPECTED_TYPES: dict[str, tuple[tuple[str, ...], str]] = {
    "where": (("boolean",), "write a condition, e.g. `Quantity > 0`"),
    "events.event_time": (
        ("timestamp", "timestamp_ntz"),
        "turn it into a timestamp, e.g. to_timestamp(x, 'yyyy-MM-dd HH:mm:ss') or timestamp_millis(x)",
    ),
    "events.quantity": (NUMERIC_TYPES, "write a number, or text that holds one"),
    "events.price": (NUMERIC_TYPES, "write a number, or text that holds one"),
}
DEFAULT_EXPECTED = (TEXT_TYPES, "name one value, not a list or a struct")


@contextmanager
def non_ansi(spark: "SparkSession") -> Iterator[None]:
    """Within this context, expressions give null for a value that they cannot cast or parse, and do not fail the job.

    Spark fixes this when it analyses an expression, so the rest of the session keeps the strict (ANSI) rules.
    """
    with session_setting(spark, ANSI_SETTING, "false"):
        yield


@contextmanager
def session_setting(spark: "SparkSession", key: str, value: str) -> Iterator[None]:
    """Within this context, a setting of the session has another value."""
    previous = spark.conf.get(key)
    spark.conf.set(key, value)
    try:
        yield
    finally:
        spark.conf.set(key, str(previous))


@contextmanager
def _quiet_analysis_log() -> Iterator[None]:
    """Within this context, PySpark does not log analysis errors with their Java stack: they become MappingErrors."""
    logger = logging.getLogger("SQLQueryContextLogger")
    was_disabled = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = was_disabled


def are_expressions_valid(expressions: Mapping[str, str], schema: "StructType", spark: "SparkSession") -> bool:
    """Return whether all expressions, by key, fit `schema`: two analyses for all, cheap enough for every run."""
    from pyspark.errors import AnalysisException
    from pyspark.sql import functions as F

    if any(_is_column_unquoted(text, schema) for text in expressions.values()):
        return False
    empty = spark.createDataFrame([], schema)
    parsed = [F.expr(text).alias(str(index)) for index, text in enumerate(expressions.values())]
    try:
        with non_ansi(spark), _quiet_analysis_log():
            empty.where(F.coalesce(*(column.isNotNull() for column in parsed)))
            types = [field.dataType for field in empty.select(*parsed).schema]
    except AnalysisException:
        return False
    return all(_accepts(key, result_type) for key, result_type in zip(expressions, types, strict=True))


def check_expression(where: str, key: str, text: str, schema: "StructType", spark: "SparkSession") -> None:
    """Raise MappingError unless `text` is an expression over `schema` whose result type fits `key`."""
    if _is_column_unquoted(text, schema):  # Spark may accept it, as a number or a calculation
        raise _unquoted_error(where, text, unquoted_column(text, schema.fieldNames()) or text)
    result_type = _result_type(where, text, schema, spark)
    if not _accepts(key, result_type):
        expected_types, fix = EXPECTED_TYPES.get(key, DEFAULT_EXPECTED)
        raise MappingError(
            where, f"`{text.strip()}` gives {result_type.simpleString()}, not {_format_types(expected_types)}", fix
        )


def _is_column_unquoted(text: str, schema: "StructType") -> bool:
    """Whether the expression is only a column's name that needs backticks and lacks them."""
    return any(name.strip() == text.strip() and sql_name(name) != name for name in schema.fieldNames())


def _unquoted_error(where: str, text: str, name: str) -> MappingError:
    what = f"`{text.strip()}`: the column {name} needs backticks, for its name has {describe_special_character(name)}"
    fix = f'write "{sql_name(name)}"; the outer quotes are required by YAML if an expression begins with a backtick'
    return MappingError(where, what, fix)


def _accepts(key: str, result_type: "DataType") -> bool:
    return re.split(r"[(<]", result_type.simpleString())[0] in EXPECTED_TYPES.get(key, DEFAULT_EXPECTED)[0]


def _format_types(expected_types: tuple[str, ...]) -> str:
    if expected_types is NUMERIC_TYPES:
        return "a number"
    return "text" if expected_types is TEXT_TYPES else f"a {expected_types[0]}"


def _result_type(where: str, text: str, schema: "StructType", spark: "SparkSession") -> "DataType":
    from pyspark.errors import AnalysisException
    from pyspark.sql import functions as F

    empty = spark.createDataFrame([], schema)
    try:
        with non_ansi(spark), _quiet_analysis_log():
            # A filter takes only what has one value per row: no aggregates, windows or generators.
            empty.where(F.expr(text).isNotNull())
            return empty.select(F.expr(text)).schema[0].dataType
    except AnalysisException as error:  # a ParseException is one too
        column = unquoted_column(text, schema.fieldNames())
        if column is not None:
            raise _unquoted_error(where, text, column) from None
        what, fix = _explain_analysis_error(error, schema, spark)
        raise MappingError(where, f"`{text.strip()}`: {what}", fix) from None


def _explain_analysis_error(error: "AnalysisException", schema: "StructType", spark: "SparkSession") -> tuple[str, str]:
    condition = error.getCondition() or ""
    parameters = error.getMessageParameters() or {}
    if condition.startswith(("UNRESOLVED_COLUMN", "FIELD_NOT_FOUND")):
        name = (parameters.get("objectName") or parameters.get("fieldName") or "").replace("`", "")
        return f"the source has no column {name}", _suggest_names(name, schema.fieldNames(), "the source has")
    if condition == "UNRESOLVED_ROUTINE":
        name = parameters.get("routineName", "").replace("`", "")
        functions = [row[0] for row in spark.sql("SHOW FUNCTIONS").collect()]
        return f"Spark has no function {name}", _suggest_names(name, functions, None)
    first_line = re.sub(r"\s*SQLSTATE: \w+\s*", " ", str(error).split("\n\n")[0]).replace("\n", " ").strip()
    return f"Spark's error: {first_line}", "correct the expression (functions: spark.apache.org/docs/latest/api/sql)"


def _suggest_names(name: str, names: list[str], fallback: str | None) -> str:
    by_lower_name = {k.lower(): k for k in names}
    matches = [
        by_lower_name[match] for match in difflib.get_close_matches(name.lower(), list(by_lower_name), n=3, cutoff=0.6)
    ]
    if matches:
        return f"did you mean {' or '.join(map(sql_name, matches))}?"
    return f"{fallback} {', '.join(map(sql_name, names))}" if fallback else "see the list of Spark SQL functions"
