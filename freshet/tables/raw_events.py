"""A mapping applied: source rows become rows with the canonical columns, pseudonymised and not judged yet."""

from typing import Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from freshet import columns as c
from freshet.tables.collected import COLLECTED
from freshet.tables.expressions import lenient, session_set
from freshet.tables.full_dates import dated
from freshet.tables.ids import bare_text, flaw, id_text, is_no_id
from freshet.tables.mapping import Mapping, check_expressions
from freshet.tables.pseudonyms import pseudonym
from freshet.tables.schemas import RAW_EVENTS
from freshet.tables.sources import source_schema

PRICE_TYPE = "decimal(18,4)"
ZONE: Final = "spark.sql.session.timeZone"
_TIME: Final = "__freshet_event_time"  # no column of a source
_ID: Final = "_event_id"  # the shop's own, where it has one
IDS: Final = (c.USER_ID, c.SESSION_ID, c.ITEM_ID, _ID)
EVIDENCE: Final = 4096  # characters kept of a record that could not be read
_ORIGIN = (c.LANDING_DATE, c.SOURCE_FILE, c.SOURCE_ROW, c.SOURCE_POSITION)


def to_raw_events(source: DataFrame, mapping: Mapping, key: bytes) -> DataFrame:
    """The rows of `sources.read_landing` as rows of the table raw_events (its columns, in its order).

    Nothing is dropped: what `where` does not hold for is marked skipped. A value that cannot be cast or parsed is
    null and left to the contract: a time without a full date, too. A quantity or price that holds text, and an id that
    is a number with a fraction, are told in corrupt_record, of which 4,096 characters are kept. flaw: what is wrong
    with a user or session id, which is seen no more once it is a pseudonym.

    Raises MappingError where an expression does not fit the source's columns.
    """
    check_expressions(mapping, source_schema(source), source.sparkSession)
    with lenient(source.sparkSession):
        # Wall-clock times are read in the zone they were written in: to shift them afterwards would shift those, too,
        # that brought their own offset. Spark fixes the zone when it analyses an expression, as it does the rules.
        with session_set(source.sparkSession, ZONE, mapping.time_zone):
            time = dated(source.sparkSession, mapping.events.event_time)
            timed = source.withColumn(_TIME, time.cast("timestamp"))
        mapped = timed.select(*_mapped(mapping), *_ORIGIN)
        told = mapped.select(*_told(mapped.schema), *_ORIGIN)
        canonical = told.select(*_canonical(key), _ID, c.SKIPPED, *_ORIGIN)
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
        _expression(events.event_id).alias(_ID),
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


def _told(schema: StructType) -> list[Column]:
    """Ids as text, whatever their type, and in corrupt_record what cannot be read; the other columns as they are."""
    types = {field.name: field.dataType for field in schema if field.name not in _ORIGIN}
    faults = [F.when(is_no_id(F.col(name), types[name]), f"{name.strip('_')} is no whole number") for name in IDS]
    corrupt = F.coalesce(c.CORRUPT, *faults, _no_number(c.QUANTITY, "double"), _no_number(c.PRICE, PRICE_TYPE))
    texts = {name: id_text(F.col(name), types[name]) for name in IDS} | {c.CORRUPT: _short(corrupt)}
    return [texts.get(name, F.col(name)).alias(name) for name in types]


def _canonical(key: bytes) -> list[Column]:
    return [
        pseudonym(F.col(c.USER_ID), "user", key).alias(c.USER_ID),
        pseudonym(F.col(c.SESSION_ID), "session", key).alias(c.SESSION_ID),
        F.col(c.ITEM_ID),
        F.lower(bare_text(F.col(c.EVENT_TYPE))).alias(c.EVENT_TYPE),
        F.col(c.EVENT_TIME),
        F.col(c.QUANTITY).cast("double").alias(c.QUANTITY),
        F.col(c.PRICE).cast(PRICE_TYPE).alias(c.PRICE),
        bare_text(F.col(c.TITLE)).alias(c.TITLE),
        bare_text(F.col(c.CATEGORY)).alias(c.CATEGORY),
        F.col(c.CONTEXT),
        F.col(c.CORRUPT),
        F.coalesce(flaw(F.col(c.USER_ID)), flaw(F.col(c.SESSION_ID))).alias(c.FLAW),
    ]


def _short(text: Column) -> Column:
    """A record that could not be read is kept as evidence; the whole of it lies in the landing."""
    cut = F.concat(F.left(text, F.lit(EVIDENCE)), F.lit("… ("), F.length(text), F.lit(" characters)"))
    return F.when(F.length(text) > EVIDENCE, cut).otherwise(text)


def _no_number(name: str, type_: str) -> Column:
    """What stands where a number should, told in words; null where all is well or nothing stands there."""
    bad = bare_text(F.col(name)).isNotNull() & F.col(name).cast(type_).isNull()
    return F.when(bad, F.concat(F.lit(f"{name} is not a number: "), F.col(name).cast("string")))


def _event_id() -> Column:
    """The shop's own id; else a hash of all columns, so that exact copies of a row share it.

    A row that could not be read has no columns to compare: its place in the file is its id.
    """
    names = [
        name
        for name in RAW_EVENTS.names
        if name not in (c.EVENT_ID, c.EVENT_TIME, c.SKIPPED, c.CORRUPT, c.FLAW, *_ORIGIN)
    ]
    # to_json cuts times to milliseconds
    row = F.to_json(F.struct(*names, F.unix_micros(c.EVENT_TIME).alias(c.EVENT_TIME)))
    place = F.to_json(F.struct(c.SOURCE_FILE, c.SOURCE_ROW, c.SOURCE_POSITION))
    own_or_row = F.coalesce(F.col(_ID), F.sha2(row, 256))
    return F.when(F.col(c.CORRUPT).isNotNull(), F.sha2(place, 256)).otherwise(own_or_row)
