"""The columns, and their values in the files, that put rows into quarantine."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from freshet.data import columns as c
from freshet.errors import shorten
from freshet.ingest.mapping.column_names import sql_name
from freshet.ingest.mapping.source_mapping import SourceMapping
from freshet.ingest.mapping.sql_columns import columns_in

MAX_EXAMPLES: Final = 3  # different values of a column
MAX_SAMPLED_ROWS: Final = 50  # rows of a reason that examples are taken from
MAX_VALUE_CHARS: Final = 40  # characters shown of a value
RowKey = tuple[str, int, int]  # file, record, position in its list: the values of `c.ROW_KEY`

# Reason → the event's columns that it is about.
REASON_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "missing_item": (c.ITEM_ID,),
    "missing_shopper": (c.USER_ID, c.SESSION_ID),
    "bad_time": (c.EVENT_TIME,),
    "future_event": (c.EVENT_TIME,),
    "ancient_event": (c.EVENT_TIME,),
    "unknown_event_type": (c.EVENT_TYPE,),
    "bad_quantity": (c.QUANTITY,),
    "bad_price": (c.PRICE,),
    "bad_encoding": (c.USER_ID, c.SESSION_ID, c.ITEM_ID, c.EVENT_ID, c.TITLE, c.CATEGORY),
    "id_too_long": (c.USER_ID, c.SESSION_ID, c.ITEM_ID, c.EVENT_ID),
    "text_too_long": (c.TITLE, c.CATEGORY),
}
_NOT_A_NUMBER: Final = re.compile(rf"({c.QUANTITY}|{c.PRICE}) is not a number: ")


@dataclass(frozen=True)
class FaultyColumn:
    """A column of the event, the mapping's expression for it (None: not mapped), and values that it was given.

    examples: up to three, `Preis='5,11 €'`; none if the expression reads no column of the files.
    """

    column: str
    expression: str | None
    examples: tuple[str, ...]


def faulty_columns(
    classified: DataFrame, source: DataFrame, mapping: SourceMapping, reasons: Sequence[str]
) -> dict[str, tuple[FaultyColumn, ...]]:
    """Return reason → the columns at fault.

    classified: rows of raw_events with their reason. source: the same rows as they landed.
    """
    keys_by_reason = {reason: _faulty_row_keys(classified, reason) for reason in reasons}
    all_keys = {key for by_column in keys_by_reason.values() for keys in by_column.values() for key in keys}
    values_by_row = _source_values(source, all_keys)
    return {
        reason: tuple(
            _faulty_column(name, mapping, source, [values_by_row[key] for key in keys])
            for name, keys in keys_by_column.items()
        )
        for reason, keys_by_column in keys_by_reason.items()
    }


def _faulty_row_keys(classified: DataFrame, reason: str) -> dict[str, list[RowKey]]:
    """Column of the event → its faulty rows. A record that could not be parsed at all belongs to no column."""
    of_reason = classified.where(F.col(c.REASON) == reason)
    rows = of_reason.select(*c.ROW_KEY, c.CORRUPT).orderBy(*c.ROW_KEY).limit(MAX_SAMPLED_ROWS)
    keys_by_column: dict[str, list[RowKey]] = {}
    for *row_key, corrupt in rows.collect():
        number_match = _NOT_A_NUMBER.match(corrupt or "")
        columns = (number_match.group(1),) if number_match else REASON_COLUMNS.get(reason, ())
        for name in columns:
            keys_by_column.setdefault(name, []).append((row_key[0], row_key[1], row_key[2]))
    return keys_by_column


def _source_values(source: DataFrame, row_keys: set[RowKey]) -> dict[RowKey, dict[str, str | None]]:
    """Row → its record's columns as text."""
    if not row_keys:
        return {}
    names = [name for name in source.columns if name not in (*c.ROW_KEY, c.CORRUPT)]
    records: dict[str, set[int]] = defaultdict(set)
    for file, number, _ in row_keys:
        records[file].add(number)
    conditions = [(F.col(c.SOURCE_FILE) == file) & F.col(c.SOURCE_ROW).isin(rows) for file, rows in records.items()]
    columns = [F.col(sql_name(name)).cast("string").alias(str(n)) for n, name in enumerate(names)]
    source_rows = source.where(reduce(or_, conditions)).select(*c.ROW_KEY, *columns).collect()
    return {(row[0], row[1], row[2]): dict(zip(names, row[3:], strict=True)) for row in source_rows}


def _faulty_column(
    name: str, mapping: SourceMapping, source: DataFrame, records: Iterable[Mapping[str, str | None]]
) -> FaultyColumn:
    expression: str | None = getattr(mapping.events, name)
    columns = columns_in(expression or "", source.columns)
    examples = (", ".join(f"{column}={_format_value(record[column])}" for column in columns) for record in records)
    return FaultyColumn(name, expression, tuple(dict.fromkeys(filter(None, examples)))[:MAX_EXAMPLES])


def _format_value(value: str | None) -> str:
    return "nothing" if value is None else f"'{shorten(value, MAX_VALUE_CHARS)}'"
