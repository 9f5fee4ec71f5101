"""The contract: which raw rows are skipped, quarantined (and why), duplicates or published.

The rule that makes a row a duplicate is `is_duplicate`; `duplicates.py` applies it to a run's days.
"""

from datetime import date
from functools import reduce
from typing import Final

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from freshet.data import columns as c
from freshet.ingest.id_text import MAX_ID_CHARS, REPLACEMENT_CHAR

OUTCOME: Final = "outcome"
MAX_TITLE_CHARS: Final = 1024  # as in the gateway; ids and categories: MAX_ID_CHARS
MAX_CONTEXT_CHARS: Final = 4096
MAX_EVENT_AGE_DAYS: Final = 3650  # days before its landing day
FUTURE_EVENT_DAYS: Final = 2  # days after the start of its landing day from which on an event is in the future

# In the order in which they are checked: the first that applies is the row's reason.
REASONS: Final[dict[str, str]] = {
    "unreadable": "the record could not be read: a broken line, a wrong number of fields, text where a number belongs",
    "missing_item": "no item_id",
    "missing_shopper": "neither a user_id nor a session_id",
    "bad_time": "no event_time, or one that the mapping's expression could not read",
    "future_event": "event_time lies more than a day after the end of the landing day",
    "ancient_event": "event_time lies more than ten years before the landing day",
    "unknown_event_type": f"event_type is not one of {', '.join(c.EVENT_TYPES)}",
    "bad_quantity": "quantity is zero, negative or no number",
    "bad_price": "price is negative",
    "bad_encoding": "an id, the title or the category holds bytes that are not in the encoding of the mapping",
    "id_too_long": f"an id is longer than {MAX_ID_CHARS} characters",
    "text_too_long": f"the title is longer than {MAX_TITLE_CHARS:,} characters, the category than {MAX_ID_CHARS}, "
    f"or a value of the context than {MAX_CONTEXT_CHARS:,}",
}


def classify(raw: DataFrame, first_day: date, last_day: date, lookback_days: int) -> DataFrame:
    """Return the raw rows landed on `first_day`…`last_day` with their outcome, reason and shopper.

    raw: rows of the table raw_events, of those days and of the `lookback_days` before `first_day`.
    Columns of the result: `outcome`, the first that applies of skipped, quarantined, duplicate, published; the four add
    up to the landed rows. `reason`, a key of REASONS, null unless the row is quarantined.

    A row is a duplicate if a valid row with its event_id landed in the `lookback_days` days before its own, or earlier
    on its day (by file, row, position). This depends on raw rows only, never on their outcomes: a day gives the same
    result alone and inside a range.
    """
    in_run = F.col(c.LANDING_DATE).between(F.lit(first_day), F.lit(last_day))
    return add_outcomes(raw, lookback_days).where(in_run)


def add_outcomes(raw: DataFrame, lookback_days: int) -> DataFrame:
    """As `classify`, for all rows; duplicates of rows that landed before the look-back of `raw` are not found."""
    marked = add_reason(raw).withColumn("_seen", _is_duplicate_row(lookback_days))
    outcome = (
        F.when(F.col(c.SKIPPED), "skipped")
        .when(F.col(c.REASON).isNotNull(), "quarantined")
        .when(F.col("_seen"), "duplicate")
        .otherwise("published")
    )
    return marked.withColumn(OUTCOME, outcome).drop("_seen")


def add_reason(raw: DataFrame) -> DataFrame:
    """Return every raw row with its `shopper` and the `reason` of its quarantine; null if it keeps the contract."""
    return raw.withColumns({c.SHOPPER: F.coalesce(c.USER_ID, c.SESSION_ID), c.REASON: _reason_column()})


def _reason_column() -> Column:
    reason = F.when(F.col(c.SKIPPED), F.lit(None).cast("string"))
    for code, is_broken in _rule_conditions().items():
        reason = reason.when(is_broken, code)
    return reason


def _rule_conditions() -> dict[str, Column]:
    """Reason code → the condition that a row breaks the rule, in the order of REASONS."""
    quantity, flaw, texts = F.col(c.QUANTITY), F.col(c.ID_FLAW), (c.ITEM_ID, c.EVENT_ID, c.TITLE, c.CATEGORY)
    is_undecodable = reduce(Column.__or__, (F.col(name).contains(REPLACEMENT_CHAR) for name in texts))
    is_text_too_long = (F.length(c.TITLE) > MAX_TITLE_CHARS) | (F.length(c.CATEGORY) > MAX_ID_CHARS)
    is_context_too_long = F.exists(F.map_values(c.CONTEXT), lambda value: F.length(value) > MAX_CONTEXT_CHARS)
    return {
        "unreadable": F.col(c.CORRUPT).isNotNull(),
        "missing_item": F.col(c.ITEM_ID).isNull(),
        "missing_shopper": F.col(c.USER_ID).isNull() & F.col(c.SESSION_ID).isNull(),
        "bad_time": F.col(c.EVENT_TIME).isNull(),
        "future_event": F.col(c.EVENT_TIME) >= F.date_add(c.LANDING_DATE, FUTURE_EVENT_DAYS),
        "ancient_event": F.col(c.EVENT_TIME) < F.date_sub(c.LANDING_DATE, MAX_EVENT_AGE_DAYS),
        "unknown_event_type": ~F.coalesce(F.col(c.EVENT_TYPE).isin(list(c.EVENT_TYPES)), F.lit(False)),
        "bad_quantity": (quantity <= 0) | F.isnan(quantity) | (quantity == float("inf")),
        "bad_price": F.col(c.PRICE) < 0,
        "bad_encoding": is_undecodable | (flaw == "bad_encoding"),
        "id_too_long": (F.length(c.ITEM_ID) > MAX_ID_CHARS)
        | (F.length(c.EVENT_ID) > MAX_ID_CHARS)
        | (flaw == "id_too_long"),
        "text_too_long": is_text_too_long | is_context_too_long,
    }


def is_duplicate(lookback_days: int) -> Column:
    """Condition on valid rows: the row before it with the same event_id landed within the look-back.

    Rows are ordered by landing, so if any earlier row lies within the look-back, the one before does.
    """
    window = Window.partitionBy(c.EVENT_ID).orderBy(*c.ORIGIN)
    return F.coalesce(_is_within_lookback(F.lag(c.LANDING_DATE).over(window), lookback_days), F.lit(False))


def _is_within_lookback(previous_day: Column, lookback_days: int) -> Column:
    return F.date_diff(c.LANDING_DATE, previous_day) <= lookback_days


def _is_duplicate_row(lookback_days: int) -> Column:
    """As `is_duplicate`, for all rows: an invalid row neither is a duplicate nor makes one."""
    is_valid = ~F.col(c.SKIPPED) & F.col(c.REASON).isNull()
    # Invalid rows often share an id (all columns null): each gets its own partition, so that none grows huge.
    invalid_row_key = F.when(~is_valid, F.struct(*c.ROW_KEY))
    window = Window.partitionBy(c.EVENT_ID, is_valid, invalid_row_key).orderBy(*c.ORIGIN)
    return is_valid & F.coalesce(_is_within_lookback(F.lag(c.LANDING_DATE).over(window), lookback_days), F.lit(False))
