"""Publish `events`: each event once, on the day on which it landed first, in any order of the runs.

Which rows of a day are duplicates depends on the rows that landed in the look-back before it. A run of old days
therefore also checks the later days, and rebuilds those whose published events change. Duplicates are found by
`ingest/duplicates.py`, by the rule of `ingest/contract.py`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from freshet.data import columns as c
from freshet.features.daily_tables import DailyTables
from freshet.ingest.contract import add_reason
from freshet.ingest.duplicates import Duplicates, find_duplicates
from freshet.publishing import gate_inputs
from freshet.publishing.overlapping_ids import Overlaps, count_overlaps
from freshet.publishing.publish import PublishResult
from freshet.store import Store
from freshet.tables import day_records, iceberg, stale_days
from freshet.tables.schemas import EVENTS, RAW_EVENTS

SHARED_IDS_REASON: Final = "it was refused because a day of this run has some of its events, too"
DUPLICATES_CHANGED_REASON: Final = "other rows of it are duplicates now, because days before it changed"
_HASH_MODULUS: Final = 1 << 64


@dataclass(frozen=True)
class DayDigest:
    """Number of events of a day, and the sum of the hashes of their ids and row positions, modulo 2^64."""

    rows: int = 0
    hash_sum: int = 0

    def subtract(self, other: "DayDigest") -> "DayDigest":
        """Return the digest of the events without those of `other`."""
        return DayDigest(self.rows - other.rows, (self.hash_sum - other.hash_sum) % _HASH_MODULUS)


def publish_events(run: DailyTables) -> PublishResult:
    """Publish the valid rows of the run's days, each event once, and the later days that change with them.

    Every landed row is accounted for; stale days nearby are rebuilt. Raises LakeError if the stage cannot be
    written.
    """
    lookback_days = run.settings.dedup_lookback_days
    run = run.with_stale_days(EVENTS)
    run = run.with_added_days(dict.fromkeys(_waiting_days(run.store, run.days, lookback_days), SHARED_IDS_REASON))
    later_days = _later_days(run.store, run.days, lookback_days)
    days = sorted({*run.days, *later_days})
    sources = stale_days.upstream_attempts(run.store, EVENTS.name, days)
    raw = iceberg.read_published(run.spark, RAW_EVENTS, gate_inputs.with_lookback(days, lookback_days))
    with find_duplicates(raw, days, lookback_days) as day_duplicates:
        valid = _valid_rows(raw)
        changed_days = (
            _changed_days(valid, iceberg.read_published(run.spark, EVENTS, later_days), day_duplicates, later_days)
            if later_days
            else []
        )
        run = run.with_added_days(dict.fromkeys(changed_days, DUPLICATES_CHANGED_REASON))
        rows = day_duplicates.drop_from(valid.where(F.col(c.LANDING_DATE).isin(list(run.days))))
        overlap_counter = partial(_count_overlaps, run)
        result = run.publish(
            run.repartition_by_day(rows), EVENTS, _collect_inputs(run, day_duplicates.counts), sources, overlap_counter
        )
    return replace(result, notes=_notes(run.store, run.days, lookback_days))


def _waiting_days(store: Store, days: Collection[date], lookback_days: int) -> list[date]:
    """Return the days that were refused because `days` had some of their events, too."""
    nearby_days = stale_days.days_around(days, lookback_days) - set(days)
    records = day_records.latest_records(store, EVENTS.name, nearby_days)
    waiting_days = {day for day, record in records.items() if set(record.published_in) & set(days)}
    return sorted(waiting_days & stale_days.ready_days(store, EVENTS.name, waiting_days))


def _later_days(store: Store, days: Collection[date], lookback_days: int) -> list[date]:
    """Return the published days within the look-back after `days`, whose duplicates may change with them.

    A refused day is left out: it would be refused again.
    """
    records = day_records.latest_records(store, EVENTS.name, stale_days.days_after(days, lookback_days))
    published_days = {day for day, record in records.items() if record.verdict != "refused"}
    return sorted(published_days & stale_days.ready_days(store, EVENTS.name, published_days))


def _notes(store: Store, days: Collection[date], lookback_days: int) -> tuple[str, ...]:
    """Return a note for each day nearby whose raw rows were refused."""
    nearby_days = stale_days.days_around(days, lookback_days) - set(days)
    records = day_records.latest_records(store, RAW_EVENTS.name, nearby_days)
    refused_days = sorted(day for day, record in records.items() if record.verdict == "refused")
    older_entries = day_records.visible_entries(store, RAW_EVENTS.name, refused_days) if refused_days else {}
    return tuple(
        f"raw_events {day} were refused: the search for duplicates uses "
        f"{'the rows published before' if day in older_entries else 'no rows of that day'}; "
        "run that day again when its files are corrected, the days nearby are then rebuilt with it"
        for day in refused_days
    )


def _valid_rows(raw: DataFrame) -> DataFrame:
    return add_reason(raw).where(~F.col(c.SKIPPED) & F.col(c.REASON).isNull()).drop(c.REASON)


def _changed_days(
    valid: DataFrame, published: DataFrame, day_duplicates: Duplicates, later_days: Collection[date]
) -> list[date]:
    """Return the later days whose published events differ from the events that they should have now."""
    in_later_days = F.col(c.LANDING_DATE).isin(list(later_days))
    valid_digests, duplicate_digests, published_digests = (
        _digests(rows.where(in_later_days)) for rows in (valid, day_duplicates.keys, published)
    )
    empty = DayDigest()
    return [
        day
        for day in later_days
        if valid_digests.get(day, empty).subtract(duplicate_digests.get(day, empty))
        != published_digests.get(day, empty)
    ]


def _digests(rows: DataFrame) -> dict[date, DayDigest]:
    row_hash = F.xxhash64(c.EVENT_ID, *c.ROW_KEY)
    by_day = rows.groupBy(c.LANDING_DATE).agg(F.count("*").alias("rows"), F.sum(row_hash).alias("sum")).collect()
    return {row[c.LANDING_DATE]: DayDigest(int(row["rows"]), int(row["sum"]) % _HASH_MODULUS) for row in by_day}


def _collect_inputs(run: DailyTables, duplicate_counts: Mapping[date, int]) -> gate_inputs.GateInputs:
    inputs, raw = gate_inputs.upstream_inputs(run.store, RAW_EVENTS.name, run.days)
    quarantined = day_records.latest_records(run.store, "quarantined_events", run.days)
    return {**inputs, **gate_inputs.accounting_inputs(run.days, raw, quarantined, duplicate_counts)}


def _count_overlaps(run: DailyTables, staged: DataFrame, refused: Collection[date]) -> Overlaps:
    """Count the event ids of the staged rows that other published days have, too; refused days with their old rows."""
    lookback_days = run.settings.dedup_lookback_days
    good_days = set(run.days) - set(refused)
    neighbour_days = sorted(stale_days.days_around(good_days, lookback_days) - good_days)
    neighbours = (
        iceberg.read_published(run.spark, EVENTS, neighbour_days)
        if neighbour_days
        else iceberg.empty_frame(run.spark, EVENTS)
    )
    return count_overlaps(staged.where(F.col(c.LANDING_DATE).isin(list(good_days))), neighbours, lookback_days)
