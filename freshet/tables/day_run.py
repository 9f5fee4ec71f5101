"""The daily tables, each from what was published before it, through its gate. What an asset calls, without Dagster."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.storagelevel import StorageLevel

from freshet import columns as c
from freshet import days as day_records
from freshet.errors import LakeError
from freshet.landing import landed_files
from freshet.settings import Settings
from freshet.store import Store
from freshet.tables import contract, facts, lake
from freshet.tables.mapping import Mapping
from freshet.tables.publication import Publication, publish_days
from freshet.tables.raw_run import RawRun
from freshet.tables.schemas import EVENTS, QUARANTINED_EVENTS, RAW_EVENTS, Table
from freshet.tables.sources import survey_files


@dataclass(frozen=True)
class DayRun:
    """Some landing days of one lake, and everything needed to work on them. `days` are in order and may have gaps."""

    spark: SparkSession
    settings: Settings
    store: Store
    days: Sequence[date]

    def raw_events(self, mapping: Mapping, key: bytes) -> Publication:
        """What landed: the shop's files as the mapping reads them, the gateway's as they are.

        A day with a file that cannot be read is refused whole.

        Raises MappingError where the mapping does not fit the files, LakeError where the stage cannot be written.
        """
        scans = survey_files(self.store, landed_files(self.store, self.days), mapping)
        run = RawRun(self.spark, self.store, self.days, mapping, key, scans)
        while True:
            try:
                return self.publish(run.rows(), RAW_EVENTS, run.facts)
            except LakeError as error:
                # Spark stops at the first file that it cannot read: go on without it.
                if not run.blame(error.__cause__):
                    raise

    def quarantined_events(self) -> Publication:
        """The rows that break the contract, with the reason."""
        known, _ = facts.upstream(self.store, "raw_events", self.days)
        rows = contract.reasoned(self._published(RAW_EVENTS)).where(F.col(c.REASON).isNotNull())
        return self.publish(rows, QUARANTINED_EVENTS, known)

    def events(self) -> Publication:
        """The rows that keep the contract, each once; every landed row accounted for."""
        back = self.settings.lookback_days
        raw = lake.published(self.spark, RAW_EVENTS, facts.with_look_back(self.days, back))
        judged = contract.classify(self._laid_out(raw), self.days[0], self.days[-1], back)
        judged = judged.where(F.col(c.LANDING_DATE).isin(list(self.days))).persist(StorageLevel.MEMORY_AND_DISK)
        try:
            twice = judged.where(F.col(contract.OUTCOME) == "duplicate").groupBy(c.LANDING_DATE).count().collect()
            accounts = self._accounts({row[c.LANDING_DATE]: int(row["count"]) for row in twice})
            return self.publish(judged.where(F.col(contract.OUTCOME) == "published"), EVENTS, accounts)
        finally:
            judged.unpersist()

    def from_events(
        self, table: Table, make: Callable[[DataFrame], DataFrame], what: str, less: str | None
    ) -> Publication:
        """A table made from the day's events alone. `what` − `less`: the count of events its gate holds it against."""
        known, records = facts.upstream(self.store, "events", self.days)
        rows = make(self._laid_out(self._published(EVENTS)))
        return self.publish(rows, table, {**known, "expected": facts.expected(records, self.days, what, less)})

    def publish(
        self, rows: DataFrame, table: Table, known: facts.Facts | Callable[[DataFrame], facts.Facts]
    ) -> Publication:
        """Through the table's gate."""
        return publish_days(rows, table, self.days, known, self.settings, self.store, datetime.now(UTC))

    def _published(self, table: Table) -> DataFrame:
        return lake.published(self.spark, table, self.days)

    def _laid_out(self, frame: DataFrame) -> DataFrame:
        """Many days: one shuffle by day serves every grouping and window of the table, one file a day is written."""
        return frame.repartition(c.LANDING_DATE) if lake.is_wide(self.spark, self.days) else frame

    def _accounts(self, duplicates: dict[date, int]) -> facts.Facts:
        known, raw = facts.upstream(self.store, "raw_events", self.days)
        quarantined = day_records.read(self.store, "quarantined_events", self.days)
        return {**known, **facts.accounts(self.days, raw, quarantined, duplicates)}
