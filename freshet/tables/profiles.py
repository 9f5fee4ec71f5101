"""The profile of a stage: one Spark pass, one row per landing day. Gates judge this small frame, not the big one."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from freshet import columns as c
from freshet.tables.contract import REASONS
from freshet.tables.schemas import Table

if TYPE_CHECKING:
    import pandas as pd

_PSEUDONYM = "^[0-9a-f]{32}$"
LATE_DAYS: Final = 2  # an event that happened longer before its landing day counts as late
HUGE_QUANTITY: Final = 1_000_000


def profile(stage: DataFrame, table: Table, days: Sequence[date] = ()) -> "pd.DataFrame":
    """One row per day, indexed by landing_date; a day without rows has zeros. One row for a table without days.

    Columns: `rows` and what `MEASURES` lists for the table. All values are counts (int64) or extremes.
    """
    measures = [F.count("*").alias("rows"), *(column.alias(name) for name, column in MEASURES[table.name]().items())]
    if not table.daily:
        frame = stage.agg(*measures).toPandas()
        return frame.assign(table=table.name).set_index("table").fillna(0).astype("int64")
    frame = stage.groupBy(c.LANDING_DATE).agg(*measures).toPandas().set_index(c.LANDING_DATE)
    return frame.reindex(list(days)).fillna(0).astype("int64").rename_axis(c.LANDING_DATE)


def _broken(truth: Column) -> Column:
    """How many rows the truth does not hold for; unknown counts as broken."""
    return F.count(F.when(~F.coalesce(truth, F.lit(False)), F.lit(1)))


def _where(truth: Column) -> Column:
    """How many rows the truth holds for."""
    return F.count(F.when(truth, F.lit(1)))


def _repeated(*names: str) -> Column:
    return F.count("*") - F.countDistinct(*names)


def _pseudonym_or_null(name: str) -> Column:
    return F.col(name).isNull() | F.col(name).rlike(_PSEUDONYM)


def _ascending(times: Column) -> Column:
    return times == F.array_sort(times)


def _raw_events() -> dict[str, Column]:
    return {
        "skipped": F.count(F.when(F.col(c.SKIPPED), F.lit(1))),
        "unreadable": F.count(c.CORRUPT),
        "bare_ids": _broken(_pseudonym_or_null(c.USER_ID) & _pseudonym_or_null(c.SESSION_ID)),
    }


def _quarantined_events() -> dict[str, Column]:
    counts = {code: F.count(F.when(F.col(c.REASON) == code, F.lit(1))) for code in REASONS}
    return {**counts, "unexplained": _broken(F.col(c.REASON).isin(list(REASONS)))}


def _events() -> dict[str, Column]:
    in_time = F.col(c.EVENT_TIME) < F.date_add(c.LANDING_DATE, 2)
    return {
        "without_item": _broken(F.col(c.ITEM_ID) != ""),
        "without_shopper": _broken(F.col(c.SHOPPER).rlike(_PSEUDONYM)),
        "unknown_types": _broken(F.col(c.EVENT_TYPE).isin(list(c.EVENT_TYPES))),
        "out_of_time": _broken(in_time),
        **{f"{name}s": _where(F.col(c.EVENT_TYPE) == name) for name in c.EVENT_TYPES},
        **_shape(),
    }


def _shape() -> dict[str, Column]:
    """What a day is compared by. No exact distinct counts: each would be a pass of its own."""
    time = F.col(c.EVENT_TIME)
    return {
        "with_user": F.count(c.USER_ID),
        "with_session": F.count(c.SESSION_ID),
        "sessions": F.approx_count_distinct(c.SESSION_ID),
        "instants": F.approx_count_distinct(time),
        "hours": F.expr(f"bit_count(bit_or(shiftleft(1, hour({c.EVENT_TIME}))))"),
        "late": _where(time < F.date_sub(c.LANDING_DATE, LATE_DAYS)),
        "priced": F.count(c.PRICE),
        "free": _where(F.col(c.PRICE) == 0),
        "median_price": F.percentile_approx((F.col(c.PRICE) * 10_000).cast("bigint"), 0.5, 1_000),
        "huge_quantities": _where(F.col(c.QUANTITY) > HUGE_QUANTITY),
    }


def _items() -> dict[str, Column]:
    return {
        "repeated": _repeated(c.ITEM_ID),
        "bad_prices": _broken(F.col(c.PRICE).isNull() | (F.col(c.PRICE) >= 0)),
        "untitled": _broken(F.col(c.TITLE) != ""),
    }


def _item_features() -> dict[str, Column]:
    return {
        "repeated": _repeated(c.ITEM_ID),
        "counted": F.sum(F.col("views") + F.col("carts") + F.col("purchases")),
        "without_shopper": _broken(F.col("shoppers") >= 1),
    }


def _user_features() -> dict[str, Column]:
    return {
        "repeated": _repeated(c.SHOPPER),
        "counted": F.sum("events"),
        "overbought": _broken(F.col("purchases") <= F.col("events")),
    }


def _histories() -> dict[str, Column]:
    return {
        "repeated": _repeated(c.SHOPPER),
        "counted": F.sum(F.size("events")),
        "unordered": _broken(_ascending(F.col("events.event_time"))),
    }


def _impressions() -> dict[str, Column]:
    return {
        "repeated": _repeated("request_id"),
        "empty_lists": _broken(F.size("items") > 0),
        "repeated_items": _broken(F.size(F.array_distinct("items")) == F.size("items")),
        "unknown_tiers": _broken(F.col("tier").isin(list(c.TIERS))),
        "bad_bundles": _broken(F.col("bundle").rlike("^[0-9a-f]{64}$")),
        "bare_shoppers": _broken(_pseudonym_or_null(c.SHOPPER)),
        "out_of_time": _broken(F.col("shown_at") < F.date_add(c.LANDING_DATE, 2)),
    }


def _vocabulary() -> dict[str, Column]:
    return {
        "repeated": _repeated(c.ITEM_ID),
        "shared_indexes": _repeated("index"),
        "lowest": F.min("index"),
        "highest": F.max("index"),
    }


def _training_set() -> dict[str, Column]:
    lengths = [F.size(name) for name in ("types", "times", "days")]
    even = (F.size("items") == lengths[0]) & (lengths[0] == lengths[1]) & (lengths[1] == lengths[2])
    return {
        "repeated": _repeated(c.SHOPPER),
        "uneven": _broken(even),
        "unordered": _broken(_ascending(F.col("times"))),
        "lowest_index": F.min(F.array_min("items")),
        "highest_index": F.max(F.array_max("items")),
        "latest_day": F.max(F.array_max("days")),
        "unknown_types": _broken((F.array_min("types") >= 1) & (F.array_max("types") <= len(c.EVENT_TYPES))),
    }


def _recommendations() -> dict[str, Column]:
    falling = F.reverse(F.array_sort("scores"))
    return {
        "repeated": _repeated(c.SHOPPER),
        "bare_shoppers": _broken(F.col(c.SHOPPER).rlike(_PSEUDONYM)),
        "repeated_items": _broken(F.size(F.array_distinct("items")) == F.size("items")),
        "disordered": _broken((F.col("scores") == falling) & (F.size("scores") == F.size("items"))),
        "unknown_tiers": _broken(F.col("tier").isin("sequence", "popular")),
    }


MEASURES = {
    "raw_events": _raw_events,
    "quarantined_events": _quarantined_events,
    "events": _events,
    "items": _items,
    "item_features": _item_features,
    "user_features": _user_features,
    "histories": _histories,
    "impressions": _impressions,
    "vocabulary": _vocabulary,
    "training_set": _training_set,
    "recommendations": _recommendations,
}
