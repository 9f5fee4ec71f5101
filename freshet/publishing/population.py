"""Who and what the events of each day are made of, and which of it the days before had met already.

Of a range no day is known to be good before the days ahead of it are judged. So nothing is decided here: of each day's
items and users is counted on which day they were first met, and `freshet.anomalies` counts those days that passed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from freshet.data import columns as c

if TYPE_CHECKING:
    import pandas as pd

CountsByFirstDay = Mapping[date, Mapping[date, int]]  # day → first day → count

_TITLE_HASH: Final = "_name"
_COUNT: Final = "_count"


@dataclass(frozen=True)
class EventComposition:
    """Counts per day (`items`, `max_item_events`, …), and counts per day and first day."""

    counts: "pd.DataFrame"  # indexed by landing_date
    item_events: CountsByFirstDay = field(repr=False)  # events, by the day on which their item was first met
    users: CountsByFirstDay = field(repr=False)  # users, by the day on which they were first met
    renamed_items: CountsByFirstDay = field(
        repr=False
    )  # items met before, by the day on which their name was first met


def compute_composition(events: DataFrame, items: DataFrame, shoppers: DataFrame) -> EventComposition:
    """What the events of each day are made of.

    items, shoppers: rows of the tables `items` and `user_features`, of the published days to compare with.

    counts: `items`, `max_item_events` (events), `titled_items`, `shoppers`, `max_shopper_events` (events), `users`.
    """
    item_counts, shopper_counts = _count_items(events, items).toPandas(), _count_shoppers(events, shoppers).toPandas()
    counts = (
        _sum_item_counts(item_counts).join(_sum_shopper_counts(shopper_counts), how="outer").fillna(0).astype("int64")
    )
    unchanged_titles = item_counts[item_counts["first"] == item_counts["name_first"]]
    return EventComposition(
        counts.rename_axis(c.LANDING_DATE),
        item_events=_by_first_day(item_counts, "first", "events"),
        users=_by_first_day(shopper_counts, "first", "users"),
        renamed_items=_by_first_day(item_counts.drop(unchanged_titles.index), "name_first", "titled_items"),
    )


def _count_items(events: DataFrame, items: DataFrame) -> DataFrame:
    """One row per day, first day of the item and first day of its name under this id."""
    current = events.groupBy(c.LANDING_DATE, c.ITEM_ID).agg(
        F.count("*").alias(_COUNT), _latest_title_hash(F.col(c.EVENT_TIME)).alias(_TITLE_HASH)
    )
    reference = items.select(
        c.LANDING_DATE, c.ITEM_ID, F.lit(0).cast("bigint").alias(_COUNT), _title_hash().alias(_TITLE_HASH)
    )
    by_item, by_title = Window.partitionBy(c.ITEM_ID), Window.partitionBy(c.ITEM_ID, _TITLE_HASH)
    first_titled = F.min(F.when(F.col(_TITLE_HASH).isNotNull(), F.col(c.LANDING_DATE))).over(by_item)
    with_first_days = current.unionByName(reference).withColumns(
        {
            "first": F.min(c.LANDING_DATE).over(by_item),
            "first_named": first_titled,
            "name_first": F.min(c.LANDING_DATE).over(by_title),
        }
    )
    # An item without a name, or with the first that it had, keeps its name.
    is_renamed = F.col(_TITLE_HASH).isNotNull() & (F.col("name_first") > F.col("first_named"))
    return (
        with_first_days.where(F.col(_COUNT) > 0)
        .withColumn("name_first", F.when(is_renamed, F.col("name_first")).otherwise(F.col("first")))
        .groupBy(c.LANDING_DATE, "first", "name_first")
        .agg(
            F.count("*").alias("items"), F.sum(_COUNT).alias("events"), F.max(_COUNT).alias("max_item_events"),
            F.count(_TITLE_HASH).alias("titled_items"),
        )
    )  # fmt: skip


def _count_shoppers(events: DataFrame, shoppers: DataFrame) -> DataFrame:
    """One row per day and first day of the shopper."""
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
    """The last name that an event of the day carried. Numbers, not texts: they aggregate in place."""
    title_hash = _title_hash()
    return F.max_by(title_hash, F.when(title_hash.isNotNull(), time))


def _title_hash() -> Column:
    """The title as a number; the category where there is no title; null where there is neither."""
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
