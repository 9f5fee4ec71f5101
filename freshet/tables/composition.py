"""Who and what the events of each day are made of, and which of it the days before had met already.

Of a range no day is known to be good before the days ahead of it are judged. So nothing is decided here: of each day's
items and users is counted on which day they were first met, and `freshet.past` counts those days that passed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from freshet import columns as c

if TYPE_CHECKING:
    import pandas as pd

ByFirstDay = Mapping[date, Mapping[date, int]]  # day → first day → count

_NAME: Final = "_name"
_COUNT: Final = "_count"


@dataclass(frozen=True)
class Composition:
    """Counts per day (`items`, `largest_item`, …), and counts per day and first day."""

    counts: "pd.DataFrame"  # indexed by landing_date
    item_events: ByFirstDay = field(repr=False)  # events, by the day on which their item was first met
    users: ByFirstDay = field(repr=False)  # users, by the day on which they were first met
    renamed_items: ByFirstDay = field(repr=False)  # items met before, by the day on which their name was first met


def composition(events: DataFrame, items: DataFrame, shoppers: DataFrame) -> Composition:
    """What the events of each day are made of.

    items, shoppers: rows of the tables `items` and `user_features`, of the published days to compare with.

    counts: `items`, `largest_item` (events), `titled_items`, `shoppers`, `largest_shopper` (events), `users`.
    """
    goods, people = _goods(events, items).toPandas(), _people(events, shoppers).toPandas()
    both = _of_goods(goods).join(_of_people(people), how="outer").fillna(0).astype("int64")
    met = goods[goods["first"] == goods["name_first"]]
    return Composition(
        both.rename_axis(c.LANDING_DATE),
        item_events=_by_first_day(goods, "first", "events"),
        users=_by_first_day(people, "first", "users"),
        renamed_items=_by_first_day(goods.drop(met.index), "name_first", "titled_items"),
    )


def _goods(events: DataFrame, items: DataFrame) -> DataFrame:
    """One row per day, first day of the item and first day of its name under this id."""
    own = events.groupBy(c.LANDING_DATE, c.ITEM_ID).agg(
        F.count("*").alias(_COUNT), _last_name(F.col(c.EVENT_TIME)).alias(_NAME)
    )
    before = items.select(c.LANDING_DATE, c.ITEM_ID, F.lit(0).cast("bigint").alias(_COUNT), _name().alias(_NAME))
    of_item, of_name = Window.partitionBy(c.ITEM_ID), Window.partitionBy(c.ITEM_ID, _NAME)
    first_named = F.min(F.when(F.col(_NAME).isNotNull(), F.col(c.LANDING_DATE))).over(of_item)
    first = own.unionByName(before).withColumns(
        {
            "first": F.min(c.LANDING_DATE).over(of_item),
            "first_named": first_named,
            "name_first": F.min(c.LANDING_DATE).over(of_name),
        }
    )
    # An item without a name, or with the first that it had, keeps its name.
    other = F.col(_NAME).isNotNull() & (F.col("name_first") > F.col("first_named"))
    return (
        first.where(F.col(_COUNT) > 0)
        .withColumn("name_first", F.when(other, F.col("name_first")).otherwise(F.col("first")))
        .groupBy(c.LANDING_DATE, "first", "name_first")
        .agg(
            F.count("*").alias("items"), F.sum(_COUNT).alias("events"), F.max(_COUNT).alias("largest_item"),
            F.count(_NAME).alias("titled_items"),
        )
    )  # fmt: skip


def _people(events: DataFrame, shoppers: DataFrame) -> DataFrame:
    """One row per day and first day of the shopper."""
    own = events.groupBy(c.LANDING_DATE, c.SHOPPER).agg(F.count("*").alias(_COUNT), F.count(c.USER_ID).alias("as_user"))
    nothing = F.lit(0).cast("bigint")
    before = shoppers.select(c.LANDING_DATE, c.SHOPPER, nothing.alias(_COUNT), nothing.alias("as_user"))
    first = F.min(c.LANDING_DATE).over(Window.partitionBy(c.SHOPPER))
    return (
        own.unionByName(before)
        .withColumn("first", first)
        .where(F.col(_COUNT) > 0)
        .groupBy(c.LANDING_DATE, "first")
        .agg(
            F.count("*").alias("shoppers"), F.max(_COUNT).alias("largest_shopper"),
            F.count(F.when(F.col("as_user") > 0, F.lit(1))).alias("users"),
        )
    )  # fmt: skip


def _last_name(time: Column) -> Column:
    """The last name that an event of the day carried. Numbers, not texts: they aggregate in place."""
    name = _name()
    return F.max_by(name, F.when(name.isNotNull(), time))


def _name() -> Column:
    """The title as a number; the category where there is no title; null where there is neither."""
    plain = F.lower(F.trim(F.coalesce(F.col(c.TITLE), F.col(c.CATEGORY))))
    return F.when(plain != "", F.xxhash64(plain))


def _of_goods(goods: "pd.DataFrame") -> "pd.DataFrame":
    return goods.groupby(c.LANDING_DATE).agg(
        items=("items", "sum"), largest_item=("largest_item", "max"), titled_items=("titled_items", "sum")
    )


def _of_people(people: "pd.DataFrame") -> "pd.DataFrame":
    return people.groupby(c.LANDING_DATE).agg(
        shoppers=("shoppers", "sum"), largest_shopper=("largest_shopper", "max"), users=("users", "sum")
    )


def _by_first_day(frame: "pd.DataFrame", first: str, count: str) -> ByFirstDay:
    summed = frame.groupby([c.LANDING_DATE, first], as_index=False)[count].sum()
    by_day: dict[date, dict[date, int]] = {}
    for day, first_day, number in zip(summed[c.LANDING_DATE], summed[first], summed[count], strict=True):
        by_day.setdefault(day, {})[first_day] = int(number)
    return by_day
