"""The tables that span days: vocabulary and training set, each read from pinned snapshots and sent through its gate."""

from collections.abc import Mapping
from datetime import date, timedelta

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
from freshet.publishing.publish import PublishResult, publish_unpartitioned
from freshet.publishing.record_agreement import TableCounts, check_consistency
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


def publish_vocabulary(spark: SparkSession, settings: Settings, *, new_generation: bool = False) -> PublishResult:
    """Every item published so far, known ones with their index, new ones behind them.

    new_generation: number all items afresh; bundles of the old generation keep their own numbers.
    """
    items = iceberg.read_published(spark, ITEMS)
    previous = iceberg.read_published(spark, VOCABULARY).localCheckpoint()  # read once: it is about to be replaced
    latest_generation = previous.agg(F.max("generation")).first()
    generation = (latest_generation[0] if latest_generation and latest_generation[0] else 1) + int(new_generation)
    current_items = previous.where(F.col("generation") == generation)

    store = open_store(settings.lake)
    consistency = check_consistency(store, [TableCounts(ITEMS, iceberg.rows_by_day(spark, ITEMS), "items", "items")])

    def collect_inputs(staged: DataFrame) -> Mapping[str, object]:
        return {"reindexed_items": _count_moved_items(current_items, staged), **consistency}

    rows = features.vocabulary(items, current_items, generation, attribute_columns(settings.item_feature_schema))
    return publish_unpartitioned(rows, VOCABULARY, collect_inputs, settings)


def publish_training_set(
    spark: SparkSession, settings: Settings, as_of: date, train_until: date, max_events: int
) -> tuple[PublishResult, TrainingSetRef]:
    """Everything landed by `as_of`, as one row per shopper; and the reference that reads it again, bit for bit.

    cut: the last day to learn from; longest: events kept per shopper, the latest ones.
    Raises LakeError when a table it is made from has never been published.
    """
    tables = (HISTORIES, USER_FEATURES, ITEM_FEATURES, VOCABULARY)
    # The events are not read here: an evaluation counts its baskets again from them, as they are now.
    snapshots = {table.name: _pin_snapshot(spark, settings, table) for table in (*tables, EVENTS)}
    store = open_store(settings.lake)
    vocabulary = iceberg.read_snapshot(spark, VOCABULARY, snapshots[VOCABULARY.name])
    daily = {
        table: _landed_by(iceberg.read_snapshot(spark, table, snapshots[table.name]), as_of)
        for table in (HISTORIES, USER_FEATURES, ITEM_FEATURES)
    }
    rows = features.training_set(
        daily[HISTORIES], daily[USER_FEATURES], vocabulary, day_number(train_until), max_events
    )
    vocabulary_size = vocabulary.count()
    consistency = check_consistency(
        store, [TableCounts(EVENTS, iceberg.rows_by_day(spark, EVENTS), "events"), *_event_counts(daily)], as_of
    )

    def collect_inputs(staged: DataFrame) -> Mapping[str, object]:
        inputs = {
            "vocabulary_size": vocabulary_size,
            "as_of": str(as_of),
            "train_until": str(train_until),
            "returning_shoppers": _count_returning_shoppers(staged, train_until),
        }
        return {**inputs, **consistency}

    result = publish_unpartitioned(rows, TRAINING_SET, collect_inputs, settings)
    all_snapshots = {**snapshots, TRAINING_SET.name: result.snapshot or 0}
    embeddings = published_content_embeddings(store)
    embeddings_id = None if embeddings is None else embeddings.id
    return result, TrainingSetRef(
        as_of=as_of, train_until=train_until, snapshots=all_snapshots, content_embeddings=embeddings_id
    )


def evaluation_days(spark: SparkSession, as_of: date, min_cases: int, max_days: int) -> int:
    """How many of the last days to keep from a model: the fewest that hold `cases` baskets, `most` if they do not.

    Every day that judges is a day that the model does not know, so a busy shop keeps fewer; and a young one no more
    than a third of its days, lest nothing is left to learn from.
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
    """How many events each of the tables counts a day."""
    count_columns = {
        HISTORIES: F.sum(F.size("events")),
        USER_FEATURES: F.sum("events"),
        ITEM_FEATURES: F.sum(F.col("views") + F.col("carts") + F.col("purchases")),
    }
    table_counts = []
    for table, rows in daily.items():
        by_day = rows.groupBy(c.LANDING_DATE).agg(count_columns[table].alias("events")).collect()
        counts = {row[c.LANDING_DATE]: int(row["events"]) for row in by_day}
        # A return is none of the three that item_features count.
        table_counts.append(TableCounts(table, counts, "events", minus="returns" if table is ITEM_FEATURES else None))
    return table_counts


def _landed_by(frame: DataFrame, day: date) -> DataFrame:
    return frame.where(F.col(c.LANDING_DATE) <= F.lit(day))


def _count_moved_items(previous: DataFrame, staged: DataFrame) -> int:
    """Items of the published vocabulary that the stage has lost or numbered otherwise."""
    new = staged.select(c.ITEM_ID, F.col("index").alias("new"))
    is_unchanged = F.coalesce(F.col("index") == F.col("new"), F.lit(False))
    return previous.join(new, on=c.ITEM_ID, how="left").where(~is_unchanged).count()


def _count_returning_shoppers(staged: DataFrame, train_until: date) -> int:
    """Shoppers with at least two baskets landed by the cut."""
    pairs = F.arrays_zip("times", "days")
    training_events = F.filter(pairs, lambda pair: pair["days"] <= day_number(train_until))
    basket_times = F.array_distinct(F.transform(training_events, lambda pair: pair["times"]))
    return staged.where(F.size(basket_times) >= 2).count()
