"""Publish the tables that span days, vocabulary and training set, from pinned snapshots through their gates."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from freshet.artifacts import TrainingSetRef
from freshet.commands import materialize_hint
from freshet.data import columns as c
from freshet.data.content_embeddings import published_content_embeddings
from freshet.data.day_numbers import day_number
from freshet.errors import LakeError
from freshet.features import daily as features
from freshet.item_schema import attribute_columns
from freshet.publishing.day_consistency import TableCounts, check_consistency
from freshet.publishing.publish import PublishResult, publish_unpartitioned
from freshet.settings import Settings
from freshet.store import open_store
from freshet.tables import iceberg
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

_DAILY_SOURCES: Final = (HISTORIES, USER_FEATURES, ITEM_FEATURES)


def publish_vocabulary(spark: SparkSession, settings: Settings, *, new_generation: bool = False) -> PublishResult:
    """Publish every item so far: known items keep their index, new items are appended.

    new_generation: number all items again; bundles of the former generation keep their numbers.
    """
    items = iceberg.read_published(spark, ITEMS)
    previous = iceberg.read_published(
        spark, VOCABULARY
    ).localCheckpoint()  # read now: the table is about to be replaced
    latest_generation = previous.agg(F.max("generation")).first()
    generation = (latest_generation[0] if latest_generation and latest_generation[0] else 1) + int(new_generation)
    current_items = previous.where(F.col("generation") == generation)

    store = open_store(settings.lake)
    consistency = check_consistency(store, [TableCounts(ITEMS, iceberg.rows_by_day(spark, ITEMS), "items", "items")])

    def collect_inputs(staged: DataFrame) -> Mapping[str, object]:
        return {"reindexed_items": count_reindexed_items(current_items, staged), **consistency}

    rows = features.vocabulary(items, current_items, generation, attribute_columns(settings.item_feature_schema))
    return publish_unpartitioned(rows, VOCABULARY, collect_inputs, settings)


def publish_training_set(
    spark: SparkSession, settings: Settings, as_of: date, train_until: date, max_events: int
) -> tuple[PublishResult, TrainingSetRef]:
    """Publish the events landed by `as_of`, one row per shopper; return the result and a reference to read it again.

    train_until: the last training day. max_events: events per shopper, the latest ones.
    Raises LakeError if one of its source tables was never published.
    """
    # The snapshot of events is not read here: an evaluation recounts its baskets from it.
    snapshots = {table.name: _pin_snapshot(spark, settings, table) for table in (*_DAILY_SOURCES, VOCABULARY, EVENTS)}
    vocabulary = iceberg.read_snapshot(spark, VOCABULARY, snapshots[VOCABULARY.name])
    daily = {table: _landed_by(spark, table, snapshots[table.name], as_of) for table in _DAILY_SOURCES}
    last_train_day = day_number(train_until)
    rows = features.training_set(daily[HISTORIES], daily[USER_FEATURES], vocabulary, last_train_day, max_events)
    event_counts = [TableCounts(EVENTS, iceberg.rows_by_day(spark, EVENTS), "events"), *_event_counts(daily)]
    store = open_store(settings.lake)
    inputs = {"as_of": str(as_of), "train_until": str(train_until), **check_consistency(store, event_counts, as_of)}

    def collect_inputs(staged: DataFrame) -> Mapping[str, object]:
        returning_shoppers = _count_returning_shoppers(staged, train_until)
        return {**inputs, "vocabulary_size": vocabulary.count(), "returning_shoppers": returning_shoppers}

    result = publish_unpartitioned(rows, TRAINING_SET, collect_inputs, settings)
    embeddings = published_content_embeddings(store)
    return result, TrainingSetRef(
        as_of=as_of,
        train_until=train_until,
        snapshots={**snapshots, TRAINING_SET.name: result.snapshot or 0},
        content_embeddings=None if embeddings is None else embeddings.id,
    )


def evaluation_days(spark: SparkSession, as_of: date, min_cases: int, max_days: int) -> int:
    """Return the number of last days to hold out: the fewest that hold `min_cases` baskets, else `max_days`.

    A model is not trained on held-out days, so a busy shop holds out fewer; a new shop at most a third of its days.
    """
    first_row = iceberg.read_published(spark, HISTORIES).agg(F.min(c.LANDING_DATE)).first()
    age_days = (as_of - first_row[0]).days + 1 if first_row and first_row[0] else 1
    max_days = min(max_days, max(1, age_days // 3))
    is_recent = F.col(c.LANDING_DATE).between(F.lit(as_of - timedelta(days=max_days - 1)), F.lit(as_of))
    basket_times = F.array_distinct(F.transform("events", lambda event: F.unix_seconds(event[c.EVENT_TIME])))
    baskets = (
        iceberg.read_published(spark, HISTORIES)
        .where(is_recent)
        .groupBy(c.LANDING_DATE)
        .agg(F.sum(F.size(basket_times)).alias("n"))
    )
    baskets_by_day = {row[c.LANDING_DATE]: int(row["n"]) for row in baskets.collect()}
    n_baskets = 0
    for days_back in range(max_days):
        n_baskets += baskets_by_day.get(as_of - timedelta(days=days_back), 0)
        if n_baskets >= min_cases:
            return days_back + 1
    return max_days


def _pin_snapshot(spark: SparkSession, settings: Settings, table: Table) -> int:
    iceberg.ensure_table(spark, table)
    snapshot = iceberg.current_snapshot(spark, table)
    if snapshot is None:
        raise LakeError(table.name, "no day of it has been published yet", materialize_hint(open_store(settings.lake)))
    return snapshot


def _event_counts(daily: Mapping[Table, DataFrame]) -> list[TableCounts]:
    """Return the number of events per day in each table."""
    count_columns = {
        HISTORIES: F.sum(F.size("events")),
        USER_FEATURES: F.sum("events"),
        ITEM_FEATURES: F.sum(F.col("views") + F.col("carts") + F.col("purchases")),
    }
    table_counts = []
    for table, rows in daily.items():
        by_day = rows.groupBy(c.LANDING_DATE).agg(count_columns[table].alias("events")).collect()
        counts = {row[c.LANDING_DATE]: int(row["events"]) for row in by_day}
        # item_features does not count returns.
        table_counts.append(TableCounts(table, counts, "events", minus="returns" if table is ITEM_FEATURES else None))
    return table_counts


def _landed_by(spark: SparkSession, table: Table, snapshot: int, day: date) -> DataFrame:
    """Return the rows of a snapshot that landed up to `day`."""
    return iceberg.read_snapshot(spark, table, snapshot).where(F.col(c.LANDING_DATE) <= F.lit(day))


def count_reindexed_items(previous: DataFrame, staged: DataFrame) -> int:
    """Count the items of the published vocabulary that the staged one lacks or numbers differently."""
    new = staged.select(c.ITEM_ID, F.col("index").alias("new"))
    is_unchanged = F.coalesce(F.col("index") == F.col("new"), F.lit(False))
    return previous.join(new, on=c.ITEM_ID, how="left").where(~is_unchanged).count()


def _count_returning_shoppers(staged: DataFrame, train_until: date) -> int:
    """Count the shoppers with at least two baskets landed by `train_until`."""
    pairs = F.arrays_zip("times", "days")
    training_events = F.filter(pairs, lambda pair: pair["days"] <= day_number(train_until))
    basket_times = F.array_distinct(F.transform(training_events, lambda pair: pair["times"]))
    return staged.where(F.size(basket_times) >= 2).count()
