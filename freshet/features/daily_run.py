"""The daily tables, each from what was published before it, through its gate. What an asset calls, without Dagster."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from freshet.data import columns as c
from freshet.errors import LakeError
from freshet.features.deduplication import publish_events
from freshet.features.raw_events_run import RawEventsLoader
from freshet.ingest import contract
from freshet.ingest.mapping.source_mapping import SourceMapping as SourceMapping
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
    """Some landing days of one lake, and everything needed to work on them.

    days: in order; they may have gaps. along: those of them that were not asked for, with the reason why they are made
    again.
    """

    spark: SparkSession
    settings: Settings
    store: Store
    days: Sequence[date]
    added_days: Mapping[date, str] = field(default_factory=dict)

    def publish_raw_events(self, mapping: SourceMapping, key: bytes) -> PublishResult:
        """What landed: the shop's files as the mapping reads them, the gateway's as they are.

        A day with a file that cannot be read is refused whole.

        Raises MappingError where the mapping does not fit the files, LakeError where the stage cannot be written.
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
                # Spark stops at the first file that it cannot read: go on without it.
                if not loader.record_failed_file(error.__cause__):
                    raise

    def publish_quarantined_events(self) -> PublishResult:
        """The rows that break the contract, with the reason; stale days around the run's are made again with them."""
        run = self.with_stale_days(QUARANTINED_EVENTS)
        sources = stale_days.upstream_attempts(run.store, QUARANTINED_EVENTS.name, run.days)
        inputs, _ = gate_inputs.upstream_inputs(run.store, RAW_EVENTS.name, run.days)
        rows = contract.add_reason(run.read_published(RAW_EVENTS)).where(F.col(c.REASON).isNotNull())
        return run.publish(rows, QUARANTINED_EVENTS, inputs, sources)

    def publish_events(self) -> PublishResult:
        """The rows that keep the contract, each once; every landed row accounted for. See `event_days`."""
        return publish_events(self.with_stale_days(EVENTS))

    def publish_from_events(
        self, table: Table, transform: Callable[[DataFrame], DataFrame], count_name: str, minus: str | None
    ) -> PublishResult:
        """A table made from the day's events alone; stale days around the run's are made again with them.

        `what` − `less`: the count of events its gate holds it against.
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
        """Through the table's gate. sources, across: see `publish_days`."""
        day_rows = DayRows(rows, table, self.days, inputs, sources or {}, count_overlaps)
        result = publish_days(day_rows, self.settings, self.store, datetime.now(UTC))
        return replace(result, added_days=self.added_days)

    def with_stale_days(self, table: Table) -> "DailyTables":
        """With the days within the look-back, before and after, that were made from an older attempt than is there."""
        nearby_days = stale_days.days_around(self.days, self.settings.dedup_lookback_days)
        upstream_names = " and ".join(stale_days.UPSTREAM_TABLES[table.name])
        reason = f"{upstream_names} of it have changed since it was made"
        return self.with_added_days(dict.fromkeys(stale_days.stale_days(self.store, table.name, nearby_days), reason))

    def with_added_days(self, reasons: Mapping[date, str]) -> "DailyTables":
        """With further days, each with the reason why it is made again."""
        new_days = {day: reason for day, reason in reasons.items() if day not in self.days}
        return replace(self, days=sorted({*self.days, *new_days}), added_days={**self.added_days, **new_days})

    def read_published(self, table: Table) -> DataFrame:
        """What readers see of the run's days."""
        return iceberg.read_published(self.spark, table, self.days)

    def repartition_by_day(self, frame: DataFrame) -> DataFrame:
        """Many days: one shuffle by day serves every grouping and window of the table, one file a day is written."""
        return frame.repartition(c.LANDING_DATE) if iceberg.has_many_days(self.spark, self.days) else frame
