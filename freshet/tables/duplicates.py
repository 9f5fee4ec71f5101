"""Which raw rows are duplicates, found by event id alone: only what may be a copy is looked at in full."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.storagelevel import StorageLevel

from freshet import columns as c
from freshet.tables.contract import is_duplicate, reasoned

PLACE: Final = (c.SOURCE_FILE, c.SOURCE_ROW, c.SOURCE_POSITION)
BROADCAST_ROWS: Final = 1_000_000  # a join with fewer rows sends them to every task instead of sorting both sides
_HASH: Final = "_hash"


@dataclass(frozen=True)
class Duplicates:
    """The duplicates of some landing days. places: their landing_date, event_id and PLACE; counts: how many a day."""

    places: DataFrame
    counts: Mapping[date, int]

    def dropped_from(self, rows: DataFrame) -> DataFrame:
        """The rows that are no duplicates."""
        total = sum(self.counts.values())
        if total == 0:
            return rows
        return rows.join(small(self.places.select(*PLACE), total), on=list(PLACE), how="left_anti")


@contextmanager
def duplicates(raw: DataFrame, days: Collection[date], lookback_days: int) -> Iterator[Duplicates]:
    """The duplicates among the rows landed on `days`; what was computed is kept until the context ends.

    raw: rows of the table raw_events, of those days and of the `lookback_days` before each of them.
    """
    with repeated(raw.where(~F.col(c.SKIPPED)), F.col(c.LANDING_DATE).isin(list(days))) as copies:
        valid = reasoned(copies).where(F.col(c.REASON).isNull() & ~F.col(c.SKIPPED))
        marked = valid.select(c.EVENT_ID, c.LANDING_DATE, *PLACE).withColumn("_seen", is_duplicate(lookback_days))
        places = marked.where(F.col("_seen") & F.col(c.LANDING_DATE).isin(list(days))).drop("_seen")
        places = places.persist(StorageLevel.MEMORY_AND_DISK)
        try:
            counts = {
                row[c.LANDING_DATE]: int(row["count"]) for row in places.groupBy(c.LANDING_DATE).count().collect()
            }
            yield Duplicates(places, counts)
        finally:
            places.unpersist()


@contextmanager
def repeated(rows: DataFrame, own: Column) -> Iterator[DataFrame]:
    """The rows whose event id may stand in several of `rows`, at least once where `own` holds.

    Ids are compared by their 64-bit hashes, so a row too many may be among them; none is missing.
    """
    hashed = F.xxhash64(c.EVENT_ID)
    hashes = rows.select(hashed.alias(_HASH), own.alias("_own")).groupBy(_HASH)
    several = hashes.agg(F.count("*").alias("_rows"), F.max("_own").alias("_own"))
    several = several.where((F.col("_rows") > 1) & F.col("_own")).select(_HASH).persist(StorageLevel.MEMORY_AND_DISK)
    try:
        count = several.count()
        if count == 0:
            yield rows.limit(0)
        else:
            yield rows.withColumn(_HASH, hashed).join(small(several, count), on=_HASH, how="left_semi").drop(_HASH)
    finally:
        several.unpersist()


def small(frame: DataFrame, rows: int) -> DataFrame:
    """The frame with a hint for a join, where it is small enough to be sent to every task."""
    return F.broadcast(frame) if rows <= BROADCAST_ROWS else frame
