"""The tables that span days: vocabulary and training set, each read from pinned snapshots and sent through its gate."""

from collections.abc import Mapping
from datetime import date, timedelta

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from freshet import columns as c
from freshet.commands import load_days
from freshet.errors import LakeError
from freshet.item_inputs import attributes_of
from freshet.item_vectors import published_item_vectors
from freshet.references import TrainingSetRef
from freshet.settings import Settings
from freshet.store import open_store
from freshet.tables import features, lake
from freshet.tables.agreement import Holding, agreement
from freshet.tables.publication import Publication, publish_whole
from freshet.tables.reading import day_number
from freshet.tables.schemas import (
    EVENTS,
    HISTORIES,
    ITEM_FEATURES,
    ITEMS,
    TRAINING_SET,
    USER_FEATURES,
    VOCABULARY,
    Table,
)  # fmt: skip


def publish_vocabulary(spark: SparkSession, settings: Settings, *, new_generation: bool = False) -> Publication:
    """Every item published so far, known ones with their index, new ones behind them.

    new_generation: number all items afresh; bundles of the old generation keep their own numbers.
    """
    items = lake.published(spark, ITEMS)
    known = lake.published(spark, VOCABULARY).localCheckpoint()  # read once: it is about to be replaced
    current = known.agg(F.max("generation")).first()
    generation = (current[0] if current and current[0] else 1) + int(new_generation)
    kept = known.where(F.col("generation") == generation)

    store = open_store(settings.lake)
    held = agreement(store, [Holding(ITEMS, lake.rows_by_day(spark, ITEMS), "items", "items")])

    def facts(staged: DataFrame) -> Mapping[str, object]:
        return {"moved": _moved(kept, staged), **held}

    rows = features.vocabulary(items, kept, generation, attributes_of(settings.item_schema))
    return publish_whole(rows, VOCABULARY, facts, settings)


def publish_training_set(
    spark: SparkSession, settings: Settings, as_of: date, cut: date, longest: int
) -> tuple[Publication, TrainingSetRef]:
    """Everything landed by `as_of`, as one row per shopper; and the reference that reads it again, bit for bit.

    cut: the last day to learn from; longest: events kept per shopper, the latest ones.
    Raises LakeError when a table it is made from has never been published.
    """
    tables = (HISTORIES, USER_FEATURES, ITEM_FEATURES, VOCABULARY)
    # The events are not read here: an evaluation counts its baskets again from them, as they are now.
    snapshots = {table.name: _pinned(spark, settings, table) for table in (*tables, EVENTS)}
    store = open_store(settings.lake)
    vocabulary = lake.at(spark, VOCABULARY, snapshots[VOCABULARY.name])
    daily = {
        table: _landed_by(lake.at(spark, table, snapshots[table.name]), as_of)
        for table in (HISTORIES, USER_FEATURES, ITEM_FEATURES)
    }
    rows = features.training_set(daily[HISTORIES], daily[USER_FEATURES], vocabulary, day_number(cut), longest)
    size = vocabulary.count()
    held = agreement(store, [Holding(EVENTS, lake.rows_by_day(spark, EVENTS), "events"), *_counted(daily)], as_of)

    def facts(staged: DataFrame) -> Mapping[str, object]:
        known = {"vocabulary": size, "as_of": str(as_of), "cut": str(cut), "returning": _returning(staged, cut)}
        return {**known, **held}

    publication = publish_whole(rows, TRAINING_SET, facts, settings)
    made = {**snapshots, TRAINING_SET.name: publication.snapshot or 0}
    vectors = published_item_vectors(store)
    chosen = None if vectors is None else vectors.id
    return publication, TrainingSetRef(as_of=as_of, cut=cut, snapshots=made, item_vectors=chosen)


def days_to_judge(spark: SparkSession, as_of: date, cases: int, most: int) -> int:
    """How many of the last days to keep from a model: the fewest that hold `cases` baskets, `most` if they do not.

    Every day that judges is a day that the model does not know, so a busy shop keeps fewer; and a young one no more
    than a third of its days, lest nothing is left to learn from.
    """
    first = lake.published(spark, HISTORIES).agg(F.min(c.LANDING_DATE)).first()
    age = (as_of - first[0]).days + 1 if first and first[0] else 1
    most = min(most, max(1, age // 3))
    recent = F.col(c.LANDING_DATE).between(F.lit(as_of - timedelta(days=most - 1)), F.lit(as_of))
    moments = F.array_distinct(F.transform("events", lambda event: F.unix_seconds(event[c.EVENT_TIME])))
    baskets = (
        lake.published(spark, HISTORIES).where(recent).groupBy(c.LANDING_DATE).agg(F.sum(F.size(moments)).alias("n"))
    )
    found = {row[c.LANDING_DATE]: int(row["n"]) for row in baskets.collect()}
    held = 0
    for number in range(most):
        held += found.get(as_of - timedelta(days=number), 0)
        if held >= cases:
            return number + 1
    return most


def _pinned(spark: SparkSession, settings: Settings, table: Table) -> int:
    lake.ensure(spark, table)
    snapshot = lake.current_snapshot(spark, table)
    if snapshot is None:
        raise LakeError(table.name, "no day of it has been published yet", load_days(open_store(settings.lake)))
    return snapshot


def _counted(daily: Mapping[Table, DataFrame]) -> list[Holding]:
    """How many events each of the tables counts a day."""
    events = {
        HISTORIES: F.sum(F.size("events")),
        USER_FEATURES: F.sum("events"),
        ITEM_FEATURES: F.sum(F.col("views") + F.col("carts") + F.col("purchases")),
    }
    found = []
    for table, rows in daily.items():
        by_day = rows.groupBy(c.LANDING_DATE).agg(events[table].alias("events")).collect()
        counts = {row[c.LANDING_DATE]: int(row["events"]) for row in by_day}
        # A return is none of the three that item_features count.
        found.append(Holding(table, counts, "events", less="returns" if table is ITEM_FEATURES else None))
    return found


def _landed_by(frame: DataFrame, day: date) -> DataFrame:
    return frame.where(F.col(c.LANDING_DATE) <= F.lit(day))


def _moved(known: DataFrame, staged: DataFrame) -> int:
    """Items of the published vocabulary that the stage has lost or numbered otherwise."""
    new = staged.select(c.ITEM_ID, F.col("index").alias("new"))
    same = F.coalesce(F.col("index") == F.col("new"), F.lit(False))
    return known.join(new, on=c.ITEM_ID, how="left").where(~same).count()


def _returning(staged: DataFrame, cut: date) -> int:
    """Shoppers with at least two baskets landed by the cut."""
    pairs = F.arrays_zip("times", "days")
    before = F.filter(pairs, lambda pair: pair["days"] <= day_number(cut))
    moments = F.array_distinct(F.transform(before, lambda pair: pair["times"]))
    return staged.where(F.size(moments) >= 2).count()
