"""Which column, and which values in the files, put rows into quarantine."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from freshet import columns as c
from freshet.tables.column_names import columns_in, sql_name
from freshet.tables.mapping import Mapping as SourceMapping

EXAMPLES: Final = 3  # different values of a column
LOOKED_AT: Final = 50  # rows of a reason that examples are taken from
Place = tuple[str, int, int]  # file, record, position in its list
_PLACE: Final = (c.SOURCE_FILE, c.SOURCE_ROW, c.SOURCE_POSITION)

# Reason → the event's columns that it speaks of.
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
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
_NO_NUMBER: Final = re.compile(rf"({c.QUANTITY}|{c.PRICE}) is not a number: ")


@dataclass(frozen=True)
class FaultyColumn:
    """A column of the event, the mapping's expression for it (None: not mapped), and what that was given.

    given: up to three examples, `Preis='5,11 €'`; none where the expression reads no column of the files.
    """

    column: str
    expression: str | None
    given: tuple[str, ...]


def faulty_columns(
    judged: DataFrame, source: DataFrame, mapping: SourceMapping, reasons: Sequence[str]
) -> dict[str, tuple[FaultyColumn, ...]]:
    """Reason → the columns at fault. judged: rows of raw_events with their reason; source: the same rows, as landed."""
    places = {reason: _places(judged, reason) for reason in reasons}
    texts = _texts(source, {place for found in places.values() for column in found.values() for place in column})
    return {
        reason: tuple(_faulty(name, mapping, source, [texts[place] for place in rows]) for name, rows in found.items())
        for reason, found in places.items()
    }


def _places(judged: DataFrame, reason: str) -> dict[str, list[Place]]:
    """Column of the event → where its rows lie. A record that could not be parsed at all has no column to blame."""
    rows = judged.where(F.col(c.REASON) == reason).select(*_PLACE, c.CORRUPT).orderBy(*_PLACE).limit(LOOKED_AT)
    found: dict[str, list[Place]] = {}
    for *place, corrupt in rows.collect():
        number_like = _NO_NUMBER.match(corrupt or "")
        blamed = (number_like.group(1),) if number_like else COLUMNS.get(reason, ())
        for name in blamed:
            found.setdefault(name, []).append((place[0], place[1], place[2]))
    return found


def _texts(source: DataFrame, places: set[Place]) -> dict[Place, dict[str, str | None]]:
    """Place → the record's columns as text."""
    if not places:
        return {}
    names = [name for name in source.columns if name not in (*_PLACE, c.CORRUPT)]
    records: dict[str, set[int]] = defaultdict(set)
    for file, number, _ in places:
        records[file].add(number)
    chosen = [(F.col(c.SOURCE_FILE) == file) & F.col(c.SOURCE_ROW).isin(rows) for file, rows in records.items()]
    columns = [F.col(sql_name(name)).cast("string").alias(str(n)) for n, name in enumerate(names)]
    found = source.where(reduce(or_, chosen)).select(*_PLACE, *columns).collect()
    return {(row[0], row[1], row[2]): dict(zip(names, row[3:], strict=True)) for row in found}


def _faulty(
    name: str, mapping: SourceMapping, source: DataFrame, records: Iterable[Mapping[str, str | None]]
) -> FaultyColumn:
    expression: str | None = getattr(mapping.events, name)
    read = columns_in(expression or "", source.columns)
    given = (", ".join(f"{column}={_shown(record[column])}" for column in read) for record in records)
    return FaultyColumn(name, expression, tuple(dict.fromkeys(filter(None, given)))[:EXAMPLES])


def _shown(value: str | None) -> str:
    return "nothing" if value is None else f"'{value if len(value) <= 40 else value[:39] + '…'}'"
