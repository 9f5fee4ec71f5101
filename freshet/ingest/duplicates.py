"""Which raw rows are duplicates, found by event id alone: only what may be a copy is looked at in full."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.storagelevel import StorageLevel

from freshet.data import columns as c
from freshet.ingest.contract import add_reason, is_duplicate

ROW_KEY: Final = (c.SOURCE_FILE, c.SOURCE_ROW, c.SOURCE_POSITION)
MAX_BROADCAST_ROWS: Final = 1_000_000  # a join with fewer rows sends them to every task instead of sorting both sides
_HASH: Final = "_hash"


@dataclass(frozen=True)
class Duplicates:
    """The duplicates of some landing days. places: their landing_date, event_id and PLACE; counts: how many a day."""

    keys: DataFrame
    counts: Mapping[date, int]

    def drop_from(self, rows: DataFrame) -> DataFrame:
        """The rows that are no duplicates."""
        total = sum(self.counts.values())
        if total == 0:
            return rows
        return rows.join(broadcast_if_small(self.keys.select(*ROW_KEY), total), on=list(ROW_KEY), how="left_anti")


@contextmanager
def find_duplicates(raw: DataFrame, days: Collection[date], lookback_days: int) -> Iterator[Duplicates]:
    """The duplicates among the rows landed on `days`; what was computed is kept until the context ends.

    raw: rows of the table raw_events, of those days and of the `lookback_days` before each of them.
    """
    with rows_with_repeated_ids(raw.where(~F.col(c.SKIPPED)), F.col(c.LANDING_DATE).isin(list(days))) as copies:
        valid = add_reason(copies).where(F.col(c.REASON).isNull() & ~F.col(c.SKIPPED))
        marked = valid.select(c.EVENT_ID, c.LANDING_DATE, *ROW_KEY).withColumn("_seen", is_duplicate(lookback_days))
        keys = marked.where(F.col("_seen") & F.col(c.LANDING_DATE).isin(list(days))).drop("_seen")
        keys = keys.persist(StorageLevel.MEMORY_AND_DISK)
        try:
            counts = {row[c.LANDING_DATE]: int(row["count"]) for row in keys.groupBy(c.LANDING_DATE).count().collect()}
            yield Duplicates(keys, counts)
        finally:
            keys.unpersist()


@contextmanager
def rows_with_repeated_ids(rows: DataFrame, is_relevant: Column) -> Iterator[DataFrame]:
    """The rows whose event id may stand in several of `rows`, at least once where `own` holds.

    Ids are compared by their 64-bit hashes, so a row too many may be among them; none is missing.
    """
    id_hash = F.xxhash64(c.EVENT_ID)
    hashes = rows.select(id_hash.alias(_HASH), is_relevant.alias("_own")).groupBy(_HASH)
    repeated_hashes = hashes.agg(F.count("*").alias("_rows"), F.max("_own").alias("_own"))
    repeated_hashes = (
        repeated_hashes.where((F.col("_rows") > 1) & F.col("_own")).select(_HASH).persist(StorageLevel.MEMORY_AND_DISK)
    )
    try:
        count = repeated_hashes.count()
        if count == 0:
            yield rows.limit(0)
        else:
            yield (
                rows.withColumn(_HASH, id_hash)
                .join(broadcast_if_small(repeated_hashes, count), on=_HASH, how="left_semi")
                .drop(_HASH)
            )
    finally:
        repeated_hashes.unpersist()


def broadcast_if_small(frame: DataFrame, n_rows: int) -> DataFrame:
    """The frame with a hint for a join, where it is small enough to be sent to every task."""
    return F.broadcast(frame) if n_rows <= MAX_BROADCAST_ROWS else frame
