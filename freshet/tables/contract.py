"""The contract: which raw rows are events, which are quarantined and why, which were seen before."""

from datetime import date
from functools import reduce
from typing import Final, Literal

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from freshet import columns as c
from freshet.tables.ids import LONGEST, REPLACEMENT

Outcome = Literal["skipped", "quarantined", "duplicate", "published"]
OUTCOME: Final = "outcome"
LONGEST_TITLE: Final = 1024  # characters, as in the gateway; LONGEST for ids and categories
LONGEST_CONTEXT: Final = 4096
OLDEST: Final = 3650  # days before its landing day
_LANDING_ORDER: Final = (c.LANDING_DATE, c.SOURCE_FILE, c.SOURCE_ROW, c.SOURCE_POSITION)

# In the order in which they are tried: the first that fits is the row's reason.
REASONS: Final[dict[str, str]] = {
    "unreadable": "the record could not be read: a broken line, a wrong number of fields, text where a number belongs",
    "missing_item": "no item_id",
    "missing_shopper": "neither a user_id nor a session_id",
    "bad_time": "no event_time, or one that the mapping's expression could not read",
    "future_event": "event_time lies more than a day after the end of the landing day",
    "ancient_event": "event_time lies more than ten years before the landing day",
    "unknown_event_type": f"event_type is none of {', '.join(c.EVENT_TYPES)}",
    "bad_quantity": "quantity is zero, negative or no number",
    "bad_price": "price is negative",
    "bad_encoding": "an id, the title or the category holds bytes that are not in the encoding of the mapping",
    "id_too_long": f"an id is longer than {LONGEST} characters",
    "text_too_long": f"the title is longer than {LONGEST_TITLE:,} characters, the category than {LONGEST}, or a value "
    f"of the context than {LONGEST_CONTEXT:,}",
}


def classify(raw: DataFrame, first_day: date, last_day: date, lookback_days: int) -> DataFrame:
    """Give every raw row landed on `first_day`…`last_day` its `outcome`, `reason` (null unless quarantined), `shopper`.

    raw: rows of the table raw_events, of those days and of the `lookback_days` before `first_day`.
    First match wins: skipped, quarantined, duplicate, published; so the four add up to what landed.

    A row is a duplicate if a valid row with its event_id landed in the `lookback_days` days before its own, or earlier
    on its day (by file, row, position). That looks at raw rows only, never at outcomes: a day gives the same result
    alone and inside a range.
    """
    in_run = F.col(c.LANDING_DATE).between(F.lit(first_day), F.lit(last_day))
    return outcomes(raw, lookback_days).where(in_run)


def outcomes(raw: DataFrame, lookback_days: int) -> DataFrame:
    """As `classify`, of all rows: those of the look-back itself, too, of which nobody knows what landed before."""
    seen = reasoned(raw).withColumn("_seen", _seen_before(lookback_days))
    outcome = (
        F.when(F.col(c.SKIPPED), "skipped")
        .when(F.col(c.REASON).isNotNull(), "quarantined")
        .when(F.col("_seen"), "duplicate")
        .otherwise("published")
    )
    return seen.withColumn(OUTCOME, outcome).drop("_seen")


def reasoned(raw: DataFrame) -> DataFrame:
    """Every raw row with its `shopper` and the `reason` why it is quarantined; null where it keeps the contract."""
    return raw.withColumns({c.SHOPPER: F.coalesce(c.USER_ID, c.SESSION_ID), c.REASON: _reason()})


def _reason() -> Column:
    reason = F.when(F.col(c.SKIPPED), F.lit(None).cast("string"))
    for code, broken in _rules().items():
        reason = reason.when(broken, code)
    return reason


def _rules() -> dict[str, Column]:
    """Code → where it applies; the codes of REASONS, in their order."""
    quantity, flaw, texts = F.col(c.QUANTITY), F.col(c.FLAW), (c.ITEM_ID, c.EVENT_ID, c.TITLE, c.CATEGORY)
    foreign = reduce(Column.__or__, (F.col(name).contains(REPLACEMENT) for name in texts))
    long = (F.length(c.TITLE) > LONGEST_TITLE) | (F.length(c.CATEGORY) > LONGEST)
    long_context = F.exists(F.map_values(c.CONTEXT), lambda value: F.length(value) > LONGEST_CONTEXT)
    return {
        "unreadable": F.col(c.CORRUPT).isNotNull(),
        "missing_item": F.col(c.ITEM_ID).isNull(),
        "missing_shopper": F.col(c.USER_ID).isNull() & F.col(c.SESSION_ID).isNull(),
        "bad_time": F.col(c.EVENT_TIME).isNull(),
        "future_event": F.col(c.EVENT_TIME) >= F.date_add(c.LANDING_DATE, 2),
        "ancient_event": F.col(c.EVENT_TIME) < F.date_sub(c.LANDING_DATE, OLDEST),
        "unknown_event_type": ~F.coalesce(F.col(c.EVENT_TYPE).isin(list(c.EVENT_TYPES)), F.lit(False)),
        "bad_quantity": (quantity <= 0) | F.isnan(quantity) | (quantity == float("inf")),
        "bad_price": F.col(c.PRICE) < 0,
        "bad_encoding": foreign | (flaw == "bad_encoding"),
        "id_too_long": (F.length(c.ITEM_ID) > LONGEST) | (F.length(c.EVENT_ID) > LONGEST) | (flaw == "id_too_long"),
        "text_too_long": long | long_context,
    }


def is_duplicate(lookback_days: int) -> Column:
    """Of valid rows: whether the last one before with the same event_id landed within the look-back.

    Rows are ordered by landing, so if any earlier one lies within, the last one does.
    """
    rows = Window.partitionBy(c.EVENT_ID).orderBy(*_LANDING_ORDER)
    return F.coalesce(_is_near(F.lag(c.LANDING_DATE).over(rows), lookback_days), F.lit(False))


def _is_near(before: Column, lookback_days: int) -> Column:
    return F.date_diff(c.LANDING_DATE, before) <= lookback_days


def _seen_before(lookback_days: int) -> Column:
    """As `is_duplicate`, of all rows: one that is not valid is none, and makes none."""
    valid = ~F.col(c.SKIPPED) & F.col(c.REASON).isNull()
    # Invalid rows often share an id (all columns null): each its own partition, lest one grows huge.
    alone = F.when(~valid, F.struct(c.SOURCE_FILE, c.SOURCE_ROW, c.SOURCE_POSITION))
    rows = Window.partitionBy(c.EVENT_ID, valid, alone).orderBy(*_LANDING_ORDER)
    return valid & F.coalesce(_is_near(F.lag(c.LANDING_DATE).over(rows), lookback_days), F.lit(False))
