"""Profile staged rows in one Spark pass: counts per landing day, which a gate checks instead of the rows."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from freshet.data import columns as c
from freshet.ingest.contract import FUTURE_EVENT_DAYS, REASONS
from freshet.tables.schemas import Table

if TYPE_CHECKING:
    import pandas as pd

_PSEUDONYM_PATTERN = "^[0-9a-f]{32}$"
OLD_EVENT_DAYS: Final = 2  # days before its landing day from which on an event is old
HUGE_QUANTITY: Final = 1_000_000


def profile_stage(staged: DataFrame, table: Table, days: Sequence[date] = ()) -> "pd.DataFrame":
    """Return one row per day, indexed by landing_date, with zeros for a day without rows; one row without days.

    Columns: `rows` and the measures of the table in `MEASURES`, counts (int64) or extremes.
    """
    measures = [F.count("*").alias("rows"), *(column.alias(name) for name, column in MEASURES[table.name]().items())]
    if not table.daily:
        frame = staged.agg(*measures).toPandas()
        return frame.assign(table=table.name).set_index("table").fillna(0).astype("int64")
    frame = staged.groupBy(c.LANDING_DATE).agg(*measures).toPandas().set_index(c.LANDING_DATE)
    return frame.reindex(list(days)).fillna(0).astype("int64").rename_axis(c.LANDING_DATE)


def _count_violations(condition: Column) -> Column:
    """Count the rows for which the condition is false or unknown."""
    return F.count(F.when(~F.coalesce(condition, F.lit(False)), F.lit(1)))


def _count_where(condition: Column) -> Column:
    """Count the rows for which the condition is true."""
    return F.count(F.when(condition, F.lit(1)))


def _count_repeated(*names: str) -> Column:
    return F.count("*") - F.countDistinct(*names)


def _is_pseudonym_or_null(name: str) -> Column:
    return F.col(name).isNull() | F.col(name).rlike(_PSEUDONYM_PATTERN)


def _is_ascending(times: Column) -> Column:
    return times == F.array_sort(times)


def _raw_events() -> dict[str, Column]:
    return {
        "skipped": F.count(F.when(F.col(c.SKIPPED), F.lit(1))),
        "unreadable": F.count(c.CORRUPT),
        "unhashed_ids": _count_violations(_is_pseudonym_or_null(c.USER_ID) & _is_pseudonym_or_null(c.SESSION_ID)),
    }


def _quarantined_events() -> dict[str, Column]:
    counts = {code: F.count(F.when(F.col(c.REASON) == code, F.lit(1))) for code in REASONS}
    return {**counts, "unknown_reasons": _count_violations(F.col(c.REASON).isin(list(REASONS)))}


def _events() -> dict[str, Column]:
    is_in_time = F.col(c.EVENT_TIME) < F.date_add(c.LANDING_DATE, FUTURE_EVENT_DAYS)
    return {
        "without_item": _count_violations(F.col(c.ITEM_ID) != ""),
        "without_shopper": _count_violations(F.col(c.SHOPPER).rlike(_PSEUDONYM_PATTERN)),
        "unknown_types": _count_violations(F.col(c.EVENT_TYPE).isin(list(c.EVENT_TYPES))),
        "after_landing_day": _count_violations(is_in_time),
        **{f"{name}s": _count_where(F.col(c.EVENT_TYPE) == name) for name in c.EVENT_TYPES},
        **_comparison_counts(),
    }


def _comparison_counts() -> dict[str, Column]:
    """Counts for the anomaly checks. Distinct counts are approximate: an exact one would take a pass of its own."""
    time = F.col(c.EVENT_TIME)
    return {
        "with_user": F.count(c.USER_ID),
        "with_session": F.count(c.SESSION_ID),
        "sessions": F.approx_count_distinct(c.SESSION_ID),
        "distinct_times": F.approx_count_distinct(time),
        "hours": F.expr(f"bit_count(bit_or(shiftleft(1, hour({c.EVENT_TIME}))))"),
        "old_events": _count_where(time < F.date_sub(c.LANDING_DATE, OLD_EVENT_DAYS)),
        "priced": F.count(c.PRICE),
        "zero_prices": _count_where(F.col(c.PRICE) == 0),
        "median_price": F.percentile_approx((F.col(c.PRICE) * 10_000).cast("bigint"), 0.5, 1_000),
        "huge_quantities": _count_where(F.col(c.QUANTITY) > HUGE_QUANTITY),
    }


def _items() -> dict[str, Column]:
    return {
        "repeated": _count_repeated(c.ITEM_ID),
        "negative_prices": _count_violations(F.col(c.PRICE).isNull() | (F.col(c.PRICE) >= 0)),
        "untitled": _count_violations(F.col(c.TITLE) != ""),
    }


def _item_features() -> dict[str, Column]:
    return {
        "repeated": _count_repeated(c.ITEM_ID),
        "counted": F.sum(F.col("views") + F.col("carts") + F.col("purchases")),
        "without_shopper": _count_violations(F.col("shoppers") >= 1),
    }


def _user_features() -> dict[str, Column]:
    return {
        "repeated": _count_repeated(c.SHOPPER),
        "counted": F.sum("events"),
        "purchases_exceed_events": _count_violations(F.col("purchases") <= F.col("events")),
    }


def _histories() -> dict[str, Column]:
    return {
        "repeated": _count_repeated(c.SHOPPER),
        "counted": F.sum(F.size("events")),
        "unordered": _count_violations(_is_ascending(F.col("events.event_time"))),
    }


def _impressions() -> dict[str, Column]:
    return {
        "repeated": _count_repeated("request_id"),
        "empty_lists": _count_violations(F.size("items") > 0),
        "lists_with_repeats": _count_violations(F.size(F.array_distinct("items")) == F.size("items")),
        "unknown_tiers": _count_violations(F.col("tier").isin(list(c.TIERS))),
        "without_bundle": _count_violations(F.col("bundle").rlike("^[0-9a-f]{64}$")),
        "unhashed_shoppers": _count_violations(_is_pseudonym_or_null(c.SHOPPER)),
        "after_landing_day": _count_violations(F.col("shown_at") < F.date_add(c.LANDING_DATE, FUTURE_EVENT_DAYS)),
    }


def _vocabulary() -> dict[str, Column]:
    return {
        "repeated": _count_repeated(c.ITEM_ID),
        "shared_indexes": _count_repeated("index"),
        "lowest_index": F.min("index"),
        "highest_index": F.max("index"),
    }


def _training_set() -> dict[str, Column]:
    lengths = [F.size(name) for name in ("types", "times", "days")]
    has_equal_lengths = (F.size("items") == lengths[0]) & (lengths[0] == lengths[1]) & (lengths[1] == lengths[2])
    return {
        "repeated": _count_repeated(c.SHOPPER),
        "length_mismatch": _count_violations(has_equal_lengths),
        "unordered": _count_violations(_is_ascending(F.col("times"))),
        "lowest_item": F.min(F.array_min("items")),
        "highest_item": F.max(F.array_max("items")),
        "latest_day": F.max(F.array_max("days")),
        "unknown_types": _count_violations((F.array_min("types") >= 1) & (F.array_max("types") <= len(c.EVENT_TYPES))),
    }


def _recommendations() -> dict[str, Column]:
    descending = F.reverse(F.array_sort("scores"))
    return {
        "repeated": _count_repeated(c.SHOPPER),
        "unhashed_shoppers": _count_violations(F.col(c.SHOPPER).rlike(_PSEUDONYM_PATTERN)),
        "lists_with_repeats": _count_violations(F.size(F.array_distinct("items")) == F.size("items")),
        "unsorted_lists": _count_violations((F.col("scores") == descending) & (F.size("scores") == F.size("items"))),
        "unknown_tiers": _count_violations(F.col("tier").isin("sequence", "popular")),
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
