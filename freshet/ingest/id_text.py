"""Ids of users, sessions, items and events as text: one rule for every type that a file may give them."""

from typing import Final

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, DecimalType, DoubleType, FloatType

from freshet.data.whitespace import BLANK_CHARACTERS

MAX_ID_CHARS: Final = 256  # characters, as in the gateway
REPLACEMENT_CHAR: Final = "\ufffd"  # a reader puts it in the place of bytes that it cannot decode
_MAX_EXACT_INTEGER: Final = {DoubleType: 1 << 53, FloatType: 1 << 24}  # the type holds every integer up to here exactly


def trimmed_text(column: Column) -> Column:
    """Return the text without blanks around it; null if it is empty then."""
    trimmed = F.btrim(column.cast("string"), F.lit(BLANK_CHARACTERS))
    return F.when(trimmed != "", trimmed)


def id_text(column: Column, type_: DataType) -> Column:
    """Return an id as text: `1.0` of a floating column is `1`. Null where `is_invalid_id` holds."""
    if isinstance(type_, DoubleType | FloatType):
        return F.when(_is_integer(column, type_), column.cast("bigint").cast("string"))
    if isinstance(type_, DecimalType) and type_.scale > 0:
        return F.when(_is_integer(column, type_), column.cast(DecimalType(38, 0)).cast("string"))
    return trimmed_text(column)


def is_invalid_id(column: Column, type_: DataType) -> Column:
    """Return whether the id is a number with a fraction, or too large for its type to hold it exactly."""
    return column.isNotNull() & ~_is_integer(column, type_)


def id_flaw(text: Column) -> Column:
    """Return the reason code of an id that becomes a pseudonym and cannot be checked later; null if it is sound."""
    return F.when(text.contains(REPLACEMENT_CHAR), "bad_encoding").when(F.length(text) > MAX_ID_CHARS, "id_too_long")


def _is_integer(column: Column, type_: DataType) -> Column:
    if isinstance(type_, DoubleType | FloatType):
        return (column == F.floor(column)) & (F.abs(column) <= _MAX_EXACT_INTEGER[type(type_)])
    if isinstance(type_, DecimalType) and type_.scale > 0:
        return column == F.floor(column)
    return F.lit(True)
