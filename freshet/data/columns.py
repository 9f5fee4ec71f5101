"""Column names and closed sets of values: event types, fallback tiers."""

from typing import Final, Literal, get_args

EVENT_ID: Final = "event_id"
USER_ID: Final = "user_id"
SESSION_ID: Final = "session_id"
SHOPPER: Final = "shopper"
ITEM_ID: Final = "item_id"
EVENT_TYPE: Final = "event_type"
EVENT_TIME: Final = "event_time"
QUANTITY: Final = "quantity"
PRICE: Final = "price"
CONTEXT: Final = "context"
ATTRIBUTES: Final = "attributes"
TITLE: Final = "title"
CATEGORY: Final = "category"
LANDING_DATE: Final = "landing_date"
SOURCE_FILE: Final = "source_file"
SOURCE_ROW: Final = "source_row"
SOURCE_POSITION: Final = "source_position"
SKIPPED: Final = "skipped"
CORRUPT: Final = "corrupt_record"
ID_FLAW: Final = "flaw"
REASON: Final = "reason"

# Where a row comes from: file, record in it, element of the record's exploded list.
ROW_KEY: Final = (SOURCE_FILE, SOURCE_ROW, SOURCE_POSITION)
ORIGIN: Final = (LANDING_DATE, *ROW_KEY)
RESERVED: Final = (*ORIGIN, CORRUPT)  # no column of a source may have one of these names

EventType = Literal["view", "cart", "purchase", "return"]
EVENT_TYPES: Final[tuple[str, ...]] = get_args(EventType)
# Codes start at 1: 0 is padding, everywhere.
PAD: Final = 0
EVENT_TYPE_CODES: Final[dict[str, int]] = {name: code for code, name in enumerate(EVENT_TYPES, start=1)}
RETURN_TYPE_CODE: Final = EVENT_TYPE_CODES["return"]

# Fallback tiers of a recommended list, best first (docs/gateway.md).
ListTier = Literal["sequence", "precomputed", "content", "segment", "popular"]
TIERS: Final[tuple[str, ...]] = get_args(ListTier)
