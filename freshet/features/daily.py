"""Compute the rows of the daily tables from canonical events, and those of the vocabulary and the training set.

A day of a daily table depends on that day's events alone, so any day can be rebuilt, in any order.
"""

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from freshet.data import columns as c

# Events with equal times keep the order of their source.
CANONICAL_ORDER = (c.EVENT_TIME, c.SOURCE_FILE, c.SOURCE_ROW, c.SOURCE_POSITION)
_CATALOG_COLUMNS = (c.TITLE, c.CATEGORY, c.PRICE)


def items(events: DataFrame, attributes: Sequence[str] = ()) -> DataFrame:
    """Return one row per item and day: the last title, category and price among its events.

    attributes: keys of the events' context to keep, too, each with its last value.
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
    """Return the column `attributes`: the values that are not null by name; null if there are none."""
    pairs = [part for name, value in values.items() for part in (F.lit(name), value)]
    if not pairs:
        return F.lit(None).cast("map<string,string>").alias(c.ATTRIBUTES)
    non_null = F.map_filter(F.create_map(*pairs), lambda _, value: value.isNotNull())
    return F.when(F.size(non_null) > 0, non_null).alias(c.ATTRIBUTES)


def item_features(events: DataFrame) -> DataFrame:
    """Return one row per item and day: its views, carts and purchases, and the number of shoppers."""
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
    """Return one row per shopper and day: the number of events and purchases."""
    return (
        events.groupBy(c.LANDING_DATE, c.SHOPPER)
        .agg(F.count("*").alias("events"), _count_type("purchase").alias("purchases"))
        .select(c.SHOPPER, "events", "purchases", c.LANDING_DATE)
    )


def histories(events: DataFrame) -> DataFrame:
    """Return one row per shopper and day: the day's events in canonical order."""
    row = F.struct(*CANONICAL_ORDER, c.ITEM_ID, c.EVENT_TYPE)  # a struct sorts by its first fields
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
    """Return every item of `items` (all landed days) and of `previous` (the generation's vocabulary), with its index.

    Known items keep their index; new items follow in the order of their first landing day, then of their id.
    Title, category, price and the named attributes are the last values that landed.
    """
    attribute_values = {name: F.col(c.ATTRIBUTES)[name] for name in attributes}
    joined = _latest_values(items, attribute_values).join(
        _previous_values(previous, attribute_values), on=c.ITEM_ID, how="full_outer"
    )
    index_order = Window.orderBy(F.col("index").asc_nulls_last(), "first_day", c.ITEM_ID).rowsBetween(
        Window.unboundedPreceding, Window.currentRow
    )
    return joined.withColumn("number", F.row_number().over(index_order)).select(
        c.ITEM_ID,
        F.coalesce("index", "number").cast("int").alias("index"),
        F.coalesce("first_landing_date", "first_day").alias("first_landing_date"),
        *(F.coalesce(F.col(name), F.col(f"previous_{name}")).alias(name) for name in _CATALOG_COLUMNS),
        F.coalesce("tombstone", F.lit(False)).alias("tombstone"),
        F.lit(generation).alias("generation"),
        _attributes_column({name: F.coalesce(F.col(f"_{name}"), F.col(f"_previous_{name}")) for name in attributes}),
    )


def _latest_values(items: DataFrame, attribute_values: Mapping[str, Column]) -> DataFrame:
    """Return one row per item: its first day, and the last title, category, price and attributes that landed."""
    values = {
        **{name: F.col(name) for name in _CATALOG_COLUMNS},
        **{f"_{name}": value for name, value in attribute_values.items()},
    }
    return items.groupBy(c.ITEM_ID).agg(
        F.min(c.LANDING_DATE).alias("first_day"),
        *(F.max_by(v, F.when(v.isNotNull(), F.col(c.LANDING_DATE))).alias(name) for name, v in values.items()),
    )


def _previous_values(vocabulary: DataFrame, attribute_values: Mapping[str, Column]) -> DataFrame:
    return vocabulary.select(
        c.ITEM_ID, "index", "first_landing_date", "tombstone",
        *(F.col(name).alias(f"previous_{name}") for name in _CATALOG_COLUMNS),
        *(value.alias(f"_previous_{name}") for name, value in attribute_values.items()),
    )  # fmt: skip


def training_set(
    histories: DataFrame, user_features: DataFrame, vocabulary: DataFrame, train_until: int, max_events: int
) -> DataFrame:
    """Return one row per shopper: the last `max_events` events in canonical order, items as vocabulary indexes.

    histories, user_features: of all landing days of the set. train_until: days since 1970.
    """
    recent_events = _sorted_events(histories, vocabulary).select(
        c.SHOPPER, F.slice("all", F.greatest(F.lit(1), F.size("all") - max_events + 1), max_events).alias("e")
    )
    is_in_training = _day_number() <= train_until
    shopper_stats = user_features.groupBy(c.SHOPPER).agg(
        F.min(_day_number()).alias("first_day"),
        F.coalesce(F.sum(F.when(is_in_training, F.col("events"))), F.lit(0)).alias("activity"),
        F.coalesce(F.sum(F.when(is_in_training, F.col("purchases"))), F.lit(0)).alias("purchases"),
    )
    return recent_events.join(shopper_stats, on=c.SHOPPER, how="inner").select(
        c.SHOPPER,
        *(F.col(f"e.{field}").alias(name) for field, name in _ARRAY_COLUMNS.items()),
        "first_day", "activity", "purchases",
    )  # fmt: skip


_ARRAY_COLUMNS = {"item": "items", "type": "types", "time": "times", "day": "days"}


def _sorted_events(histories: DataFrame, vocabulary: DataFrame) -> DataFrame:
    """Return one row per shopper: the array `all` of its events in canonical order; an unknown item has index 0."""
    rows = (
        histories.select(c.SHOPPER, _day_number().alias("day"), F.posexplode("events").alias("position", "event"))
        .select(c.SHOPPER, "day", "position", "event.*")
        .join(F.broadcast(vocabulary.select(c.ITEM_ID, "index")), on=c.ITEM_ID, how="left")
    )
    event = F.struct(
        F.unix_seconds(c.EVENT_TIME).alias("time"), "day", "position",
        F.coalesce("index", F.lit(0)).alias("item"), _type_code().alias("type"),
    )  # fmt: skip
    return rows.groupBy(c.SHOPPER).agg(F.sort_array(F.collect_list(event)).alias("all"))


def _day_number() -> Column:
    """The landing day as days since 1970."""
    return F.datediff(F.col(c.LANDING_DATE), F.lit("1970-01-01"))


def _type_code() -> Column:
    code = F.lit(0)
    for name, value in c.EVENT_TYPE_CODES.items():
        code = F.when(F.col(c.EVENT_TYPE) == name, F.lit(value)).otherwise(code)
    return code
