"""A mapping applied: source rows become rows with the canonical columns, pseudonymised and not judged yet."""

from typing import Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from freshet import columns as c
from freshet.tables.collected import COLLECTED
from freshet.tables.expressions import lenient, session_set
from freshet.tables.mapping import Mapping, check_expressions
from freshet.tables.pseudonyms import pseudonym
from freshet.tables.schemas import RAW_EVENTS
from freshet.tables.sources import source_schema

PRICE_TYPE = "decimal(18,4)"
ZONE: Final = "spark.sql.session.timeZone"
_TIME: Final = "__freshet_event_time"  # no column of a source
_ORIGIN = (c.LANDING_DATE, c.SOURCE_FILE, c.SOURCE_ROW, c.SOURCE_POSITION)


def to_raw_events(source: DataFrame, mapping: Mapping, key: bytes) -> DataFrame:
    """The rows of `sources.read_landing` as rows of the table raw_events (its columns, in its order).

    Nothing is dropped: what `where` does not hold for is marked skipped. A value that cannot be cast or parsed is
    null and left to the contract; a quantity or price that holds text is told in corrupt_record.

    Raises MappingError where an expression does not fit the source's columns.
    """
    check_expressions(mapping, source_schema(source), source.sparkSession)
    with lenient(source.sparkSession):
        # Wall-clock times are read in the zone they were written in: to shift them afterwards would shift those, too,
        # that brought their own offset. Spark fixes the zone when it analyses an expression, as it does the rules.
        with session_set(source.sparkSession, ZONE, mapping.time_zone):
            timed = source.withColumn(_TIME, F.expr(mapping.events.event_time).cast("timestamp"))
        mapped = timed.select(*_mapped(mapping), *_ORIGIN)
        canonical = mapped.select(*_canonical(key), "_id", c.SKIPPED, *_ORIGIN)
    return canonical.withColumn(c.EVENT_ID, _event_id()).select(*RAW_EVENTS.names)


def _mapped(mapping: Mapping) -> list[Column]:
    """Every expression as the mapping has it, whatever its type."""
    events = mapping.events
    found = {
        name: _expression(getattr(events, name)).alias(name)
        for name in type(events).model_fields
        if name not in ("context", c.EVENT_ID, c.EVENT_TIME)
    }
    pairs = [part for name, text in events.context.items() for part in (F.lit(name), F.expr(text).cast("string"))]
    context = F.create_map(*pairs) if pairs else F.lit(None).cast("map<string,string>")
    if mapping is COLLECTED:  # what clients sent along is a map already
        context = F.col(c.CONTEXT)
    return [
        *found.values(),
        F.col(_TIME).alias(c.EVENT_TIME),
        _expression(events.event_id).cast("string").alias("_id"),
        context.alias(c.CONTEXT),
        _skipped(mapping).alias(c.SKIPPED),
        F.col(c.CORRUPT),
    ]


def _expression(text: str | None) -> Column:
    return F.lit(None).cast("string") if text is None else F.expr(text)


def _skipped(mapping: Mapping) -> Column:
    """Not an event: `where` does not hold (unknown counts as not), or an exploded list was empty."""
    holds = F.lit(True) if mapping.where is None else F.coalesce(F.expr(mapping.where), F.lit(False))
    if mapping.source.explode is not None:
        holds &= F.col(mapping.source.explode).isNotNull()
    return ~holds & F.col(c.CORRUPT).isNull()


def _canonical(key: bytes) -> list[Column]:
    return [
        pseudonym(_text(c.USER_ID), "user", key).alias(c.USER_ID),
        pseudonym(_text(c.SESSION_ID), "session", key).alias(c.SESSION_ID),
        _text(c.ITEM_ID).alias(c.ITEM_ID),
        F.lower(_text(c.EVENT_TYPE)).alias(c.EVENT_TYPE),
        F.col(c.EVENT_TIME),
        F.col(c.QUANTITY).cast("double").alias(c.QUANTITY),
        F.col(c.PRICE).cast(PRICE_TYPE).alias(c.PRICE),
        _text(c.TITLE).alias(c.TITLE),
        _text(c.CATEGORY).alias(c.CATEGORY),
        F.col(c.CONTEXT),
        F.coalesce(c.CORRUPT, _no_number(c.QUANTITY, "double"), _no_number(c.PRICE, PRICE_TYPE)).alias(c.CORRUPT),
    ]


def _text(name: str) -> Column:
    """Without blanks around it; nothing but blanks is null."""
    trimmed = F.trim(F.col(name).cast("string"))
    return F.when(trimmed != "", trimmed)


def _no_number(name: str, type_: str) -> Column:
    """What stands where a number should, told in words; null where all is well or nothing stands there."""
    bad = _text(name).isNotNull() & F.col(name).cast(type_).isNull()
    return F.when(bad, F.concat(F.lit(f"{name} is not a number: "), F.col(name).cast("string")))


def _event_id() -> Column:
    """The shop's own id; else a hash of all columns, so that exact copies of a row share it.

    A row that could not be read has no columns to compare: its place in the file is its id.
    """
    names = [
        name for name in RAW_EVENTS.names if name not in (c.EVENT_ID, c.EVENT_TIME, c.SKIPPED, c.CORRUPT, *_ORIGIN)
    ]
    # to_json cuts times to milliseconds
    row = F.to_json(F.struct(*names, F.unix_micros(c.EVENT_TIME).alias(c.EVENT_TIME)))
    place = F.to_json(F.struct(c.SOURCE_FILE, c.SOURCE_ROW, c.SOURCE_POSITION))
    own = F.when(F.trim(F.col("_id")) != "", F.trim(F.col("_id")))
    return F.when(F.col(c.CORRUPT).isNotNull(), F.sha2(place, 256)).otherwise(F.coalesce(own, F.sha2(row, 256)))
