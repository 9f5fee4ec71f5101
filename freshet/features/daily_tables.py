"""Publish the daily tables of a run, each from the tables published before it. `events`: `deduplication.py`."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from freshet.data import columns as c
from freshet.errors import LakeError
from freshet.features.raw_events_loader import RawEventsLoader
from freshet.ingest import contract
from freshet.ingest.mapping.source_mapping import SourceMapping
from freshet.ingest.read_landing import scan_files
from freshet.landing import landed_files
from freshet.publishing import gate_inputs
from freshet.publishing.publish import (
    DayRows,
    GateInputsSource,
    OverlapCounter,
    PublishResult,
    UpstreamAttempts,
    publish_days,
)
from freshet.settings import Settings
from freshet.store import Store
from freshet.tables import iceberg, stale_days
from freshet.tables.schemas import EVENTS, QUARANTINED_EVENTS, RAW_EVENTS, Table

log = logging.getLogger("freshet")


@dataclass(frozen=True)
class DailyTables:
    """The landing days of a run, and the lake whose daily tables it publishes.

    days: sorted, with or without gaps. added_days: those of them that were not requested, with the reason for their
    rebuild.
    """

    spark: SparkSession
    settings: Settings
    store: Store
    days: Sequence[date]
    added_days: Mapping[date, str] = field(default_factory=dict)

    def publish_raw_events(self, mapping: SourceMapping, key: bytes) -> PublishResult:
        """Publish `raw_events`: the shop's files as the mapping reads them, the gateway's files as they are.

        All of a day is refused if one of its files cannot be read. Raises MappingError if the mapping fits no file,
        LakeError if the stage cannot be written.
        """
        files = landed_files(self.store, self.days)
        n_landed_days = len({file.day for file in files})
        log.info(
            "reading %d file%s of %d day%s",
            len(files),
            "s"[: len(files) != 1],
            n_landed_days,
            "s"[: n_landed_days != 1],
        )
        scans = scan_files(self.store, files, mapping)
        loader = RawEventsLoader(self.spark, self.store, self.days, mapping, key, scans)
        while True:
            try:
                return self.publish(loader.read_rows(), RAW_EVENTS, loader.collect_inputs)
            except LakeError as error:
                # Spark stops at the first file that it cannot read: try again without that file.
                if not loader.record_failed_file(error.__cause__):
                    raise

    def publish_quarantined_events(self) -> PublishResult:
        """Publish `quarantined_events`: rows that break the contract, with the reason; stale days nearby included."""
        run = self.with_stale_days(QUARANTINED_EVENTS)
        sources = stale_days.upstream_attempts(run.store, QUARANTINED_EVENTS.name, run.days)
        inputs, _ = gate_inputs.upstream_inputs(run.store, RAW_EVENTS.name, run.days)
        rows = contract.add_reason(run.read_published(RAW_EVENTS)).where(F.col(c.REASON).isNotNull())
        return run.publish(rows, QUARANTINED_EVENTS, inputs, sources)

    def publish_from_events(
        self, table: Table, transform: Callable[[DataFrame], DataFrame], count_name: str, minus: str | None
    ) -> PublishResult:
        """Publish a table that is made from a day's events alone; stale days nearby are rebuilt with it.

        count_name, minus: names of counts in the record of `events`; their difference is what the table has to count.
        """
        run = self.with_stale_days(table)
        sources = stale_days.upstream_attempts(run.store, table.name, run.days)
        inputs, records = gate_inputs.upstream_inputs(run.store, EVENTS.name, run.days)
        rows = transform(run.repartition_by_day(run.read_published(EVENTS)))
        expected = gate_inputs.expected_counts(records, run.days, count_name, minus)
        return run.publish(rows, table, {**inputs, "expected": expected}, sources)

    def publish(
        self,
        rows: DataFrame,
        table: Table,
        inputs: GateInputsSource,
        sources: UpstreamAttempts | None = None,
        count_overlaps: OverlapCounter | None = None,
    ) -> PublishResult:
        """Publish rows of the run's days through the table's gate; see `DayRows` for the arguments."""
        day_rows = DayRows(rows, table, self.days, inputs, sources or {}, count_overlaps)
        result = publish_days(day_rows, self.settings, self.store, datetime.now(UTC))
        return replace(result, added_days=self.added_days)

    def with_stale_days(self, table: Table) -> "DailyTables":
        """Return the run with the days within the look-back whose upstream was published again since they were made."""
        nearby_days = stale_days.days_around(self.days, self.settings.dedup_lookback_days)
        upstream_names = " and ".join(stale_days.UPSTREAM_TABLES[table.name])
        reason = f"{upstream_names} of it have changed since it was made"
        return self.with_added_days(dict.fromkeys(stale_days.stale_days(self.store, table.name, nearby_days), reason))

    def with_added_days(self, reasons: Mapping[date, str]) -> "DailyTables":
        """Return the run with further days, each with the reason why it is rebuilt."""
        new_days = {day: reason for day, reason in reasons.items() if day not in self.days}
        return replace(self, days=sorted({*self.days, *new_days}), added_days={**self.added_days, **new_days})

    def read_published(self, table: Table) -> DataFrame:
        """Return the published rows of the run's days."""
        return iceberg.read_published(self.spark, table, self.days)

    def repartition_by_day(self, frame: DataFrame) -> DataFrame:
        """Return the frame partitioned by day if there are many days.

        One shuffle then serves every grouping and window of a table, and one file a day is written.
        """
        return frame.repartition(c.LANDING_DATE) if iceberg.has_many_days(self.spark, self.days) else frame
