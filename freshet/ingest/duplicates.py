"""Find the duplicates among raw rows, and drop them.

Candidates are found by the hash of their event id; `contract.is_duplicate` then decides about those alone. Which days
are published with which duplicates: `features/deduplication.py`.
"""

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

MAX_BROADCAST_ROWS: Final = (
    1_000_000  # up to this many rows the smaller side of a join is broadcast; else both are sorted
)
_HASH: Final = "_hash"


@dataclass(frozen=True)
class Duplicates:
    """The duplicates of some landing days. keys: their landing_date, event_id and ROW_KEY; counts: day → duplicates."""

    keys: DataFrame
    counts: Mapping[date, int]

    def drop_from(self, rows: DataFrame) -> DataFrame:
        """Return the rows that are not duplicates."""
        total = sum(self.counts.values())
        if total == 0:
            return rows
        return rows.join(broadcast_if_small(self.keys.select(*c.ROW_KEY), total), on=list(c.ROW_KEY), how="left_anti")


@contextmanager
def find_duplicates(raw: DataFrame, days: Collection[date], lookback_days: int) -> Iterator[Duplicates]:
    """Yield the duplicates among the rows landed on `days`; they stay in memory until the context ends.

    raw: rows of the table raw_events, of those days and of the `lookback_days` before each of them.
    """
    with rows_with_repeated_ids(raw.where(~F.col(c.SKIPPED)), F.col(c.LANDING_DATE).isin(list(days))) as copies:
        valid = add_reason(copies).where(F.col(c.REASON).isNull() & ~F.col(c.SKIPPED))
        marked = valid.select(c.EVENT_ID, c.LANDING_DATE, *c.ROW_KEY).withColumn("_seen", is_duplicate(lookback_days))
        keys = marked.where(F.col("_seen") & F.col(c.LANDING_DATE).isin(list(days))).drop("_seen")
        keys = keys.persist(StorageLevel.MEMORY_AND_DISK)
        try:
            counts = {row[c.LANDING_DATE]: int(row["count"]) for row in keys.groupBy(c.LANDING_DATE).count().collect()}
            yield Duplicates(keys, counts)
        finally:
            keys.unpersist()


@contextmanager
def rows_with_repeated_ids(rows: DataFrame, is_relevant: Column) -> Iterator[DataFrame]:
    """Yield the rows whose event id occurs more than once in `rows`, at least once in a row that `is_relevant`.

    Ids are compared by their 64-bit hashes, so a few rows too many may be among them; none is missing.
    """
    id_hash = F.xxhash64(c.EVENT_ID)
    hashes = rows.select(id_hash.alias(_HASH), is_relevant.alias("_relevant")).groupBy(_HASH)
    hash_counts = hashes.agg(F.count("*").alias("_rows"), F.max("_relevant").alias("_relevant"))
    is_repeated = (F.col("_rows") > 1) & F.col("_relevant")
    repeated_hashes = hash_counts.where(is_repeated).select(_HASH).persist(StorageLevel.MEMORY_AND_DISK)
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
    """Return the frame with a broadcast hint for a join, if it is small enough to be sent to every task."""
    return F.broadcast(frame) if n_rows <= MAX_BROADCAST_ROWS else frame
