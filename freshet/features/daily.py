"""Canonical events become the daily tables that models are fed from. Every function: events of some days in, rows out.

Every table of a day depends on that day's events alone, so any day can be made again, in any order.
"""

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from freshet.data import columns as c

CANONICAL_ORDER = (
    c.EVENT_TIME,
    c.SOURCE_FILE,
    c.SOURCE_ROW,
    c.SOURCE_POSITION,
)  # canonical: equal times keep the source's order
_CATALOG_COLUMNS = (c.TITLE, c.CATEGORY, c.PRICE)


def items(events: DataFrame, attributes: Sequence[str] = ()) -> DataFrame:
    """One row per item and day: the last title, category and price that an event carried.

    attributes: what to keep of the events' context besides, each the last one known.
    """

    def last_known(value: Column, name: str) -> Column:
        return F.max_by(value, F.when(value.isNotNull(), F.struct(*CANONICAL_ORDER))).alias(name)

    attribute_columns = [
        last_known(F.nullif(F.trim(F.col(c.CONTEXT)[name]), F.lit("")), f"_{name}") for name in attributes
    ]
    return (
        events.groupBy(c.LANDING_DATE, c.ITEM_ID)
        .agg(*(last_known(F.col(name), name) for name in _CATALOG_COLUMNS), *attribute_columns)
        .select(
            c.ITEM_ID,
            *_CATALOG_COLUMNS,
            c.LANDING_DATE,
            _attributes_column({name: F.col(f"_{name}") for name in attributes}),
        )
    )


def _attributes_column(values: Mapping[str, Column]) -> Column:
    """The column `attributes`: what is known of the values by name; null where nothing is."""
    pairs = [part for name, value in values.items() for part in (F.lit(name), value)]
    if not pairs:
        return F.lit(None).cast("map<string,string>").alias(c.ATTRIBUTES)
    non_null = F.map_filter(F.create_map(*pairs), lambda _, value: value.isNotNull())
    return F.when(F.size(non_null) > 0, non_null).alias(c.ATTRIBUTES)


def item_features(events: DataFrame) -> DataFrame:
    """One row per item and day: how often it was seen, carted and bought, and by how many shoppers."""
    return (
        events.groupBy(c.LANDING_DATE, c.ITEM_ID)
        .agg(
            _count_type("view").alias("views"),
            _count_type("cart").alias("carts"),
            _count_type("purchase").alias("purchases"),
            F.countDistinct(c.SHOPPER).alias("shoppers"),
        )
        .select(c.ITEM_ID, "views", "carts", "purchases", "shoppers", c.LANDING_DATE)
    )


def user_features(events: DataFrame) -> DataFrame:
    """One row per shopper and day: how much they did and bought."""
    return (
        events.groupBy(c.LANDING_DATE, c.SHOPPER)
        .agg(F.count("*").alias("events"), _count_type("purchase").alias("purchases"))
        .select(c.SHOPPER, "events", "purchases", c.LANDING_DATE)
    )


def histories(events: DataFrame) -> DataFrame:
    """One row per shopper and day: the day's events in canonical order."""
    row = F.struct(*CANONICAL_ORDER, c.ITEM_ID, c.EVENT_TYPE)  # sorted as a struct, so by ORDER first
    return (
        events.groupBy(c.LANDING_DATE, c.SHOPPER)
        .agg(F.sort_array(F.collect_list(row)).alias("rows"))
        .select(
            c.SHOPPER,
            F.transform("rows", lambda r: F.struct(r[c.EVENT_TIME], r[c.ITEM_ID], r[c.EVENT_TYPE])).alias("events"),
            c.LANDING_DATE,
        )
    )


def _count_type(event_type: str) -> Column:
    return F.count(F.when(F.col(c.EVENT_TYPE) == event_type, F.lit(1)))


def vocabulary(items: DataFrame, previous: DataFrame, generation: int, attributes: Sequence[str] = ()) -> DataFrame:
    """Every item of `items` (landed so far) and of `known` (the generation's published vocabulary), with its index.

    Known items keep their index; new ones follow in the order of their first landing, then of their id.
    The facts are the last ones landed; of the attributes, those named.
    """
    attribute_values = {name: F.col(c.ATTRIBUTES)[name] for name in attributes}
    values = {
        **{name: F.col(name) for name in _CATALOG_COLUMNS},
        **{f"_{name}": value for name, value in attribute_values.items()},
    }
    latest_values = items.groupBy(c.ITEM_ID).agg(
        F.min(c.LANDING_DATE).alias("met"),
        *(F.max_by(v, F.when(v.isNotNull(), F.col(c.LANDING_DATE))).alias(name) for name, v in values.items()),
    )
    previous_items = previous.select(
        c.ITEM_ID, "index", "first_landing_date", "tombstone",
        *(F.col(name).alias(f"old_{name}") for name in _CATALOG_COLUMNS),
        *(value.alias(f"_old_{name}") for name, value in attribute_values.items()),
    )  # fmt: skip
    joined = latest_values.join(previous_items, on=c.ITEM_ID, how="full_outer")
    index_order = Window.orderBy(F.col("index").asc_nulls_last(), "met", c.ITEM_ID).rowsBetween(
        Window.unboundedPreceding, Window.currentRow
    )
    return joined.withColumn("number", F.row_number().over(index_order)).select(
        c.ITEM_ID,
        F.coalesce("index", "number").cast("int").alias("index"),
        F.coalesce("first_landing_date", "met").alias("first_landing_date"),
        *(F.coalesce(F.col(name), F.col(f"old_{name}")).alias(name) for name in _CATALOG_COLUMNS),
        F.coalesce("tombstone", F.lit(False)).alias("tombstone"),
        F.lit(generation).alias("generation"),
        _attributes_column({name: F.coalesce(F.col(f"_{name}"), F.col(f"_old_{name}")) for name in attributes}),
    )


def training_set(
    histories: DataFrame, user_features: DataFrame, vocabulary: DataFrame, train_until: int, max_events: int
) -> DataFrame:
    """One row per shopper: the last `longest` events in canonical order, as indexes of the vocabulary.

    histories, user_features: all days landed by the day the set is made as of. cut_day: days since 1970.
    """
    day = F.datediff(F.col(c.LANDING_DATE), F.lit("1970-01-01"))
    rows = (
        histories.select(c.SHOPPER, day.alias("day"), F.posexplode("events").alias("position", "event"))
        .select(c.SHOPPER, "day", "position", "event.*")
        .join(F.broadcast(vocabulary.select(c.ITEM_ID, "index")), on=c.ITEM_ID, how="left")
    )
    event = F.struct(
        F.unix_seconds(c.EVENT_TIME).alias("time"), "day", "position",
        F.coalesce("index", F.lit(0)).alias("item"), _type_code().alias("type"),
    )  # fmt: skip
    sorted_events = rows.groupBy(c.SHOPPER).agg(F.sort_array(F.collect_list(event)).alias("all"))
    recent_events = sorted_events.select(
        c.SHOPPER, F.slice("all", F.greatest(F.lit(1), F.size("all") - max_events + 1), max_events).alias("e")
    )
    is_in_training = day <= train_until
    shopper_stats = user_features.groupBy(c.SHOPPER).agg(
        F.min(day).alias("first_day"),
        F.coalesce(F.sum(F.when(is_in_training, F.col("events"))), F.lit(0)).alias("activity"),
        F.coalesce(F.sum(F.when(is_in_training, F.col("purchases"))), F.lit(0)).alias("purchases"),
    )
    return recent_events.join(shopper_stats, on=c.SHOPPER, how="inner").select(
        c.SHOPPER,
        *(F.col(f"e.{field}").alias(name) for field, name in _ARRAY_COLUMNS.items()),
        "first_day", "activity", "purchases",
    )  # fmt: skip


_ARRAY_COLUMNS = {"item": "items", "type": "types", "time": "times", "day": "days"}


def _type_code() -> Column:
    code = F.lit(0)
    for name, value in c.EVENT_TYPE_CODES.items():
        code = F.when(F.col(c.EVENT_TYPE) == name, F.lit(value)).otherwise(code)
    return code
