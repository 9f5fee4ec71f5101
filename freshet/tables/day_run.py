"""The daily tables, each from what was published before it, through its gate. What an asset calls, without Dagster."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from freshet import columns as c
from freshet import staleness
from freshet.errors import LakeError
from freshet.landing import landed_files
from freshet.settings import Settings
from freshet.store import Store
from freshet.tables import contract, facts, lake
from freshet.tables.event_days import publish_events
from freshet.tables.mapping import Mapping as SourceMapping
from freshet.tables.publication import Across, Publication, Sources, StageFacts, publish_days
from freshet.tables.raw_run import RawRun
from freshet.tables.schemas import EVENTS, QUARANTINED_EVENTS, RAW_EVENTS, Table
from freshet.tables.sources import survey_files

log = logging.getLogger("freshet")


@dataclass(frozen=True)
class DayRun:
    """Some landing days of one lake, and everything needed to work on them.

    days: in order; they may have gaps. along: those of them that were not asked for, with the reason why they are made
    again.
    """

    spark: SparkSession
    settings: Settings
    store: Store
    days: Sequence[date]
    along: Mapping[date, str] = field(default_factory=dict)

    def raw_events(self, mapping: SourceMapping, key: bytes) -> Publication:
        """What landed: the shop's files as the mapping reads them, the gateway's as they are.

        A day with a file that cannot be read is refused whole.

        Raises MappingError where the mapping does not fit the files, LakeError where the stage cannot be written.
        """
        files = landed_files(self.store, self.days)
        landed = len({file.day for file in files})
        log.info("reading %d file%s of %d day%s", len(files), "s"[: len(files) != 1], landed, "s"[: landed != 1])
        scans = survey_files(self.store, files, mapping)
        run = RawRun(self.spark, self.store, self.days, mapping, key, scans)
        while True:
            try:
                return self.publish(run.rows(), RAW_EVENTS, run.facts)
            except LakeError as error:
                # Spark stops at the first file that it cannot read: go on without it.
                if not run.blame(error.__cause__):
                    raise

    def quarantined_events(self) -> Publication:
        """The rows that break the contract, with the reason; stale days around the run's are made again with them."""
        run = self.with_stale_days(QUARANTINED_EVENTS)
        sources = staleness.sources(run.store, QUARANTINED_EVENTS.name, run.days)
        known, _ = facts.upstream(run.store, RAW_EVENTS.name, run.days)
        rows = contract.reasoned(run.published(RAW_EVENTS)).where(F.col(c.REASON).isNotNull())
        return run.publish(rows, QUARANTINED_EVENTS, known, sources)

    def events(self) -> Publication:
        """The rows that keep the contract, each once; every landed row accounted for. See `event_days`."""
        return publish_events(self.with_stale_days(EVENTS))

    def from_events(
        self, table: Table, make: Callable[[DataFrame], DataFrame], what: str, less: str | None
    ) -> Publication:
        """A table made from the day's events alone; stale days around the run's are made again with them.

        `what` − `less`: the count of events its gate holds it against.
        """
        run = self.with_stale_days(table)
        sources = staleness.sources(run.store, table.name, run.days)
        known, records = facts.upstream(run.store, EVENTS.name, run.days)
        rows = make(run.laid_out(run.published(EVENTS)))
        expected = facts.expected(records, run.days, what, less)
        return run.publish(rows, table, {**known, "expected": expected}, sources)

    def publish(
        self,
        rows: DataFrame,
        table: Table,
        known: StageFacts,
        sources: Sources | None = None,
        across: Across | None = None,
    ) -> Publication:
        """Through the table's gate. sources, across: see `publish_days`."""
        done = publish_days(
            rows, table, self.days, known, self.settings, self.store, datetime.now(UTC), sources or {}, across
        )
        return replace(done, along=self.along)

    def with_stale_days(self, table: Table) -> "DayRun":
        """With the days within the look-back, before and after, that were made from an older attempt than is there."""
        near = staleness.around(self.days, self.settings.lookback_days)
        names = " and ".join(staleness.UPSTREAM[table.name])
        why = f"{names} of it have changed since it was made"
        return self.taking_along(dict.fromkeys(staleness.stale_days(self.store, table.name, near), why))

    def taking_along(self, why: Mapping[date, str]) -> "DayRun":
        """With further days, each with the reason why it is made again."""
        more = {day: reason for day, reason in why.items() if day not in self.days}
        return replace(self, days=sorted({*self.days, *more}), along={**self.along, **more})

    def published(self, table: Table) -> DataFrame:
        """What readers see of the run's days."""
        return lake.published(self.spark, table, self.days)

    def laid_out(self, frame: DataFrame) -> DataFrame:
        """Many days: one shuffle by day serves every grouping and window of the table, one file a day is written."""
        return frame.repartition(c.LANDING_DATE) if lake.is_wide(self.spark, self.days) else frame
