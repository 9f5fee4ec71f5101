"""Apply a mapping: source rows become raw events with the canonical columns, pseudonymised, not yet checked."""

from typing import Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from freshet.data import columns as c
from freshet.ingest.files.gateway_files import GATEWAY_MAPPING
from freshet.ingest.id_text import id_flaw, id_text, is_invalid_id, trimmed_text
from freshet.ingest.mapping.full_dates import require_full_date
from freshet.ingest.mapping.source_mapping import SourceMapping, check_expressions
from freshet.ingest.mapping.sql_expressions import non_ansi, session_setting
from freshet.ingest.read_landing import source_schema
from freshet.ingest.spark_pseudonyms import pseudonym_column
from freshet.tables.schemas import RAW_EVENTS

PRICE_TYPE = "decimal(18,4)"
TIME_ZONE_SETTING: Final = "spark.sql.session.timeZone"
_EVENT_TIME: Final = "__freshet_event_time"  # a name that no source column has
_SHOP_EVENT_ID: Final = "_event_id"  # the shop's own id of the event, if it has one
ID_COLUMNS: Final = (c.USER_ID, c.SESSION_ID, c.ITEM_ID, _SHOP_EVENT_ID)
MAX_CORRUPT_CHARS: Final = 4096  # characters kept of a record that could not be read


def to_raw_events(source_rows: DataFrame, mapping: SourceMapping, key: bytes) -> DataFrame:
    """Return the rows of `read_landing` as rows of the table raw_events (its columns, in its order).

    No row is dropped: one for which `where` does not hold is marked skipped. A value that cannot be cast or parsed is
    null and left to the contract, as is a time without a full date. Columns of the result: `corrupt_record`, a quantity
    or price that holds text and an id that is a number with a fraction, at most 4,096 characters of it; `flaw`, the
    reason code of a bad user or session id, which a pseudonym does not show.

    Raises MappingError if an expression does not fit the source's columns.
    """
    check_expressions(mapping, source_schema(source_rows), source_rows.sparkSession)
    with non_ansi(source_rows.sparkSession):
        # Wall-clock times are read in the zone they were written in: shifting them afterwards would also shift times
        # with an offset of their own. Spark fixes the zone when it analyses an expression.
        with session_setting(source_rows.sparkSession, TIME_ZONE_SETTING, mapping.time_zone):
            time = require_full_date(source_rows.sparkSession, mapping.events.event_time)
            with_time = source_rows.withColumn(_EVENT_TIME, time.cast("timestamp"))
        mapped = with_time.select(*_mapped_columns(mapping), *c.ORIGIN)
        checked = mapped.select(*_checked_columns(mapped.schema), *c.ORIGIN)
        canonical = checked.select(*_canonical_columns(key), _SHOP_EVENT_ID, c.SKIPPED, *c.ORIGIN)
    return canonical.withColumn(c.EVENT_ID, _event_id_column()).select(*RAW_EVENTS.column_names)


def _mapped_columns(mapping: SourceMapping) -> list[Column]:
    """Every expression of the mapping, with the type that it has."""
    events = mapping.events
    columns = {
        name: _expression_column(getattr(events, name)).alias(name)
        for name in type(events).model_fields
        if name not in ("context", c.EVENT_ID, c.EVENT_TIME)
    }
    pairs = [part for name, text in events.context.items() for part in (F.lit(name), F.expr(text).cast("string"))]
    context = F.create_map(*pairs) if pairs else F.lit(None).cast("map<string,string>")
    if mapping is GATEWAY_MAPPING:  # its context is a map already
        context = F.col(c.CONTEXT)
    return [
        *columns.values(),
        F.col(_EVENT_TIME).alias(c.EVENT_TIME),
        _expression_column(events.event_id).alias(_SHOP_EVENT_ID),
        context.alias(c.CONTEXT),
        _is_skipped(mapping).alias(c.SKIPPED),
        F.col(c.CORRUPT),
    ]


def _expression_column(text: str | None) -> Column:
    return F.lit(None).cast("string") if text is None else F.expr(text)


def _is_skipped(mapping: SourceMapping) -> Column:
    """Whether a row is not an event: `where` is false or null, or an exploded list was empty."""
    is_event = F.lit(True) if mapping.where is None else F.coalesce(F.expr(mapping.where), F.lit(False))
    if mapping.source.explode is not None:
        is_event &= F.col(mapping.source.explode).isNotNull()
    return ~is_event & F.col(c.CORRUPT).isNull()


def _checked_columns(schema: StructType) -> list[Column]:
    """Ids as text, corrupt_record with the values that cannot be read, the other columns unchanged."""
    types = {field.name: field.dataType for field in schema if field.name not in c.ORIGIN}
    issues = [
        F.when(is_invalid_id(F.col(name), types[name]), f"{name.strip('_')} is no whole number") for name in ID_COLUMNS
    ]
    corrupt = F.coalesce(c.CORRUPT, *issues, _number_issue(c.QUANTITY, "double"), _number_issue(c.PRICE, PRICE_TYPE))
    texts = {name: id_text(F.col(name), types[name]) for name in ID_COLUMNS} | {c.CORRUPT: _truncate(corrupt)}
    return [texts.get(name, F.col(name)).alias(name) for name in types]


def _canonical_columns(key: bytes) -> list[Column]:
    return [
        pseudonym_column(F.col(c.USER_ID), "user", key).alias(c.USER_ID),
        pseudonym_column(F.col(c.SESSION_ID), "session", key).alias(c.SESSION_ID),
        F.col(c.ITEM_ID),
        F.lower(trimmed_text(F.col(c.EVENT_TYPE))).alias(c.EVENT_TYPE),
        F.col(c.EVENT_TIME),
        F.col(c.QUANTITY).cast("double").alias(c.QUANTITY),
        F.col(c.PRICE).cast(PRICE_TYPE).alias(c.PRICE),
        trimmed_text(F.col(c.TITLE)).alias(c.TITLE),
        trimmed_text(F.col(c.CATEGORY)).alias(c.CATEGORY),
        F.col(c.CONTEXT),
        F.col(c.CORRUPT),
        F.coalesce(id_flaw(F.col(c.USER_ID)), id_flaw(F.col(c.SESSION_ID))).alias(c.ID_FLAW),
    ]


def _truncate(text: Column) -> Column:
    """The beginning of a record that could not be read, as evidence; the landing holds all of it."""
    truncated = F.concat(F.left(text, F.lit(MAX_CORRUPT_CHARS)), F.lit("… ("), F.length(text), F.lit(" characters)"))
    return F.when(F.length(text) > MAX_CORRUPT_CHARS, truncated).otherwise(text)


def _number_issue(name: str, type_: str) -> Column:
    """`price is not a number: 3,99`; null if the column holds a number or nothing."""
    is_bad = trimmed_text(F.col(name)).isNotNull() & F.col(name).cast(type_).isNull()
    return F.when(is_bad, F.concat(F.lit(f"{name} is not a number: "), F.col(name).cast("string")))


def _event_id_column() -> Column:
    """The shop's own id; else a hash of all columns, so that exact copies of a row share it.

    A row that could not be read has no columns to compare: the hash of its place in the file is its id.
    """
    excluded = (c.EVENT_ID, c.EVENT_TIME, c.SKIPPED, c.CORRUPT, c.ID_FLAW, *c.ORIGIN)
    names = [name for name in RAW_EVENTS.column_names if name not in excluded]
    # to_json truncates times to milliseconds
    row = F.to_json(F.struct(*names, F.unix_micros(c.EVENT_TIME).alias(c.EVENT_TIME)))
    location = F.to_json(F.struct(*c.ROW_KEY))
    shop_id_or_hash = F.coalesce(F.col(_SHOP_EVENT_ID), F.sha2(row, 256))
    return F.when(F.col(c.CORRUPT).isNotNull(), F.sha2(location, 256)).otherwise(shop_id_or_hash)
