"""`events` from raw rows: each event once, on the day on which it landed first, whatever order the days are run in.

Which rows of a day are duplicates depends on what landed in the look-back before it. So a run for old days looks at
the days behind them, too, and takes along those whose events would no longer be the ones that are published.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from freshet import columns as c
from freshet import days as day_records
from freshet import staleness
from freshet.store import Store
from freshet.tables import facts, lake
from freshet.tables.contract import reasoned
from freshet.tables.duplicates import PLACE, Duplicates, duplicates
from freshet.tables.overlaps import Overlaps, overlaps
from freshet.tables.publication import Publication
from freshet.tables.schemas import EVENTS, RAW_EVENTS

if TYPE_CHECKING:
    from freshet.tables.day_run import DayRun

COUNTED_IN: Final = "it was refused for events that stand in a day of this run, too"
COPIES_CHANGED: Final = "which of its rows are duplicates has changed with the days before it"
_BITS: Final = 1 << 64


@dataclass(frozen=True)
class Digest:
    """How many events a day has, and the sum of the hashes of their ids and places, modulo 2^64."""

    rows: int = 0
    sum: int = 0

    def without(self, other: "Digest") -> "Digest":
        """Of the events that remain when those of `other` are taken out."""
        return Digest(self.rows - other.rows, (self.sum - other.sum) % _BITS)


def publish_events(run: "DayRun") -> Publication:
    """The valid rows of the run's days, each event once; with them the later days that this changes.

    Raises LakeError where the stage cannot be written.
    """
    reach = run.settings.lookback_days
    run = run.taking_along(dict.fromkeys(_waiting_days(run.store, run.days, reach), COUNTED_IN))
    later = _later_days(run.store, run.days, reach)
    days = sorted({*run.days, *later})
    sources = staleness.sources(run.store, EVENTS.name, days)
    raw = lake.published(run.spark, RAW_EVENTS, facts.with_look_back(days, reach))
    with duplicates(raw, days, reach) as copies:
        valid = _valid(raw)
        changed = _changed(valid, lake.published(run.spark, EVENTS, later), copies, later) if later else []
        run = run.taking_along(dict.fromkeys(changed, COPIES_CHANGED))
        rows = copies.dropped_from(valid.where(F.col(c.LANDING_DATE).isin(list(run.days))))
        across = partial(_overlaps, run)
        done = run.publish(run.laid_out(rows), EVENTS, _accounts(run, copies.counts), sources, across)
    return replace(done, notes=_notes(run.store, run.days, reach))


def _waiting_days(store: Store, days: Collection[date], reach: int) -> list[date]:
    """The days that were refused because some of their events stood in `days`, too."""
    near = staleness.around(days, reach) - set(days)
    records = day_records.read(store, EVENTS.name, near)
    waiting = {day for day, record in records.items() if set(record.counted_in) & set(days)}
    return sorted(waiting & staleness.ready(store, EVENTS.name, waiting))


def _later_days(store: Store, days: Collection[date], reach: int) -> list[date]:
    """The published days within the look-back behind `days`: those whose duplicates may change with them.

    A day that its gate refused is left alone: it would only be refused again.
    """
    records = day_records.read(store, EVENTS.name, staleness.after(days, reach))
    published = {day for day, record in records.items() if record.verdict != "refused"}
    return sorted(published & staleness.ready(store, EVENTS.name, published))


def _notes(store: Store, days: Collection[date], reach: int) -> tuple[str, ...]:
    """What is said of the days around whose raw rows were refused: whether readers see older ones, and what follows."""
    near = staleness.around(days, reach) - set(days)
    records = day_records.read(store, RAW_EVENTS.name, near)
    refused = sorted(day for day, record in records.items() if record.verdict == "refused")
    older = day_records.visible(store, RAW_EVENTS.name, refused) if refused else {}
    return tuple(
        f"raw_events {day} were refused: when copies are looked for, "
        f"{'its rows of before count' if day in older else 'none of its rows counts'}; "
        "run that day again when it is mended, the days around it follow"
        for day in refused
    )


def _valid(raw: DataFrame) -> DataFrame:
    return reasoned(raw).where(~F.col(c.SKIPPED) & F.col(c.REASON).isNull()).drop(c.REASON)


def _changed(valid: DataFrame, published: DataFrame, copies: Duplicates, later: Collection[date]) -> list[date]:
    """The later days whose published events are not those that they should have now."""
    among = F.col(c.LANDING_DATE).isin(list(later))
    should, twice, there = (_digests(rows.where(among)) for rows in (valid, copies.places, published))
    none = Digest()
    return [day for day in later if should.get(day, none).without(twice.get(day, none)) != there.get(day, none)]


def _digests(rows: DataFrame) -> dict[date, Digest]:
    hashed = F.xxhash64(c.EVENT_ID, *PLACE)
    by_day = rows.groupBy(c.LANDING_DATE).agg(F.count("*").alias("rows"), F.sum(hashed).alias("sum")).collect()
    return {row[c.LANDING_DATE]: Digest(int(row["rows"]), int(row["sum"]) % _BITS) for row in by_day}


def _accounts(run: "DayRun", copies: Mapping[date, int]) -> facts.Facts:
    known, raw = facts.upstream(run.store, RAW_EVENTS.name, run.days)
    quarantined = day_records.read(run.store, "quarantined_events", run.days)
    return {**known, **facts.accounts(run.days, raw, quarantined, copies)}


def _overlaps(run: "DayRun", staged: DataFrame, refused: Collection[date]) -> Overlaps:
    """Ids of the staged rows that also stand in what stays published beside them, refused days with their old rows."""
    reach = run.settings.lookback_days
    good = set(run.days) - set(refused)
    beside = sorted(staleness.around(good, reach) - good)
    standing = lake.published(run.spark, EVENTS, beside) if beside else lake.nothing(run.spark, EVENTS)
    return overlaps(staged.where(F.col(c.LANDING_DATE).isin(list(good))), standing, reach)
