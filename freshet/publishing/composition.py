"""Count the items and users of each day, and on which day each was first seen.

In a range, whether an earlier day passes its gate is not known yet. So items and users are counted by the day on which
they were first seen, and `freshet.anomalies` adds up the days that passed.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from freshet.anomalies.comparison import CountsByFirstDay
from freshet.data import columns as c

if TYPE_CHECKING:
    import pandas as pd

_TITLE_HASH: Final = "_name"
_COUNT: Final = "_count"


@dataclass(frozen=True)
class EventComposition:
    """Counts per day (`items`, `max_item_events`, …), and counts per day and day of first sight."""

    counts: "pd.DataFrame"  # indexed by landing_date
    item_events: CountsByFirstDay = field(repr=False)  # events, by the first day of their item
    users: CountsByFirstDay = field(repr=False)  # users, by their first day
    renamed_items: CountsByFirstDay = field(repr=False)  # items seen before, by the first day of their title


def compute_composition(events: DataFrame, items: DataFrame, shoppers: DataFrame) -> EventComposition:
    """Return the composition of each day's events.

    items, shoppers: rows of the tables `items` and `user_features` on the published days to compare with.
    Counts: `items`, `max_item_events`, `titled_items`, `shoppers`, `max_shopper_events`, `users`.
    """
    item_counts, shopper_counts = _count_items(events, items).toPandas(), _count_shoppers(events, shoppers).toPandas()
    counts = (
        _sum_item_counts(item_counts).join(_sum_shopper_counts(shopper_counts), how="outer").fillna(0).astype("int64")
    )
    unchanged_titles = item_counts[item_counts["first"] == item_counts["title_first"]]
    return EventComposition(
        counts.rename_axis(c.LANDING_DATE),
        item_events=_by_first_day(item_counts, "first", "events"),
        users=_by_first_day(shopper_counts, "first", "users"),
        renamed_items=_by_first_day(item_counts.drop(unchanged_titles.index), "title_first", "titled_items"),
    )


def _count_items(events: DataFrame, items: DataFrame) -> DataFrame:
    """Return one row per day, first day of the item and first day of its title under this id."""
    # An item without a title, or with its first title, is not renamed.
    is_renamed = F.col(_TITLE_HASH).isNotNull() & (F.col("title_first") > F.col("first_titled"))
    return (
        _with_first_days(events, items)
        .where(F.col(_COUNT) > 0)
        .withColumn("title_first", F.when(is_renamed, F.col("title_first")).otherwise(F.col("first")))
        .groupBy(c.LANDING_DATE, "first", "title_first")
        .agg(
            F.count("*").alias("items"), F.sum(_COUNT).alias("events"), F.max(_COUNT).alias("max_item_events"),
            F.count(_TITLE_HASH).alias("titled_items"),
        )
    )  # fmt: skip


def _with_first_days(events: DataFrame, items: DataFrame) -> DataFrame:
    """Return one row per day and item, with the item's `first` day, its `first_titled` day and `title_first` day."""
    current = events.groupBy(c.LANDING_DATE, c.ITEM_ID).agg(
        F.count("*").alias(_COUNT), _latest_title_hash(F.col(c.EVENT_TIME)).alias(_TITLE_HASH)
    )
    reference = items.select(
        c.LANDING_DATE, c.ITEM_ID, F.lit(0).cast("bigint").alias(_COUNT), _title_hash().alias(_TITLE_HASH)
    )
    by_item, by_title = Window.partitionBy(c.ITEM_ID), Window.partitionBy(c.ITEM_ID, _TITLE_HASH)
    return current.unionByName(reference).withColumns(
        {
            "first": F.min(c.LANDING_DATE).over(by_item),
            "first_titled": F.min(F.when(F.col(_TITLE_HASH).isNotNull(), F.col(c.LANDING_DATE))).over(by_item),
            "title_first": F.min(c.LANDING_DATE).over(by_title),
        }
    )


def _count_shoppers(events: DataFrame, shoppers: DataFrame) -> DataFrame:
    """Return one row per day and first day of the shopper."""
    current = events.groupBy(c.LANDING_DATE, c.SHOPPER).agg(
        F.count("*").alias(_COUNT), F.count(c.USER_ID).alias("as_user")
    )
    zero = F.lit(0).cast("bigint")
    reference = shoppers.select(c.LANDING_DATE, c.SHOPPER, zero.alias(_COUNT), zero.alias("as_user"))
    first_day = F.min(c.LANDING_DATE).over(Window.partitionBy(c.SHOPPER))
    return (
        current.unionByName(reference)
        .withColumn("first", first_day)
        .where(F.col(_COUNT) > 0)
        .groupBy(c.LANDING_DATE, "first")
        .agg(
            F.count("*").alias("shoppers"), F.max(_COUNT).alias("max_shopper_events"),
            F.count(F.when(F.col("as_user") > 0, F.lit(1))).alias("users"),
        )
    )  # fmt: skip


def _latest_title_hash(time: Column) -> Column:
    """Return the hash of the last title among a day's events. Spark aggregates numbers in place, texts not."""
    title_hash = _title_hash()
    return F.max_by(title_hash, F.when(title_hash.isNotNull(), time))


def _title_hash() -> Column:
    """Return the hash of the title, else of the category; null without both."""
    normalized = F.lower(F.trim(F.coalesce(F.col(c.TITLE), F.col(c.CATEGORY))))
    return F.when(normalized != "", F.xxhash64(normalized))


def _sum_item_counts(item_counts: "pd.DataFrame") -> "pd.DataFrame":
    return item_counts.groupby(c.LANDING_DATE).agg(
        items=("items", "sum"), max_item_events=("max_item_events", "max"), titled_items=("titled_items", "sum")
    )


def _sum_shopper_counts(shopper_counts: "pd.DataFrame") -> "pd.DataFrame":
    return shopper_counts.groupby(c.LANDING_DATE).agg(
        shoppers=("shoppers", "sum"), max_shopper_events=("max_shopper_events", "max"), users=("users", "sum")
    )


def _by_first_day(frame: "pd.DataFrame", first_day_column: str, count_column: str) -> CountsByFirstDay:
    summed = frame.groupby([c.LANDING_DATE, first_day_column], as_index=False)[count_column].sum()
    by_day: dict[date, dict[date, int]] = {}
    for day, first_day, n in zip(summed[c.LANDING_DATE], summed[first_day_column], summed[count_column], strict=True):
        by_day.setdefault(day, {})[first_day] = int(n)
    return by_day
