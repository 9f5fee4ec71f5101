"""The published tables: columns, their meaning, their partitions. docs/tables.md names the readers of every column."""

from dataclasses import dataclass

from pyspark.sql import types as T

from freshet.data import columns as c


@dataclass(frozen=True)
class TableColumn:
    """One column: name, Spark SQL type, meaning."""

    name: str
    type: str
    description: str


@dataclass(frozen=True)
class Table:
    """One Iceberg table of the lake."""

    name: str
    description: str
    columns: tuple[TableColumn, ...]
    daily: bool = True  # partitioned by landing_date

    @property
    def column_names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def spark_schema(self) -> T.StructType:
        """The schema as Spark's types."""
        return T.StructType([T.StructField(column.name, T.DataType.fromDDL(column.type)) for column in self.columns])


_DAY = TableColumn(c.LANDING_DATE, "date", "the landing day: when the event's file arrived")
_ITEM = TableColumn(c.ITEM_ID, "string", "the catalogue's id of the item")
_SHOPPER = TableColumn(c.SHOPPER, "string", "pseudonym of the user if known, else of the session")
_SOURCE = (
    TableColumn(c.SOURCE_FILE, "string", "the landed file, relative to landing/events"),
    TableColumn(c.SOURCE_ROW, "bigint", "record in that file, from 1"),
    TableColumn(c.SOURCE_POSITION, "int", "element of an exploded record, from 0"),
)
_EVENT = (
    TableColumn(c.EVENT_ID, "string", "the shop's id of the event, or a hash of all its columns"),
    TableColumn(c.USER_ID, "string", "keyed pseudonym of the user"),
    TableColumn(c.SESSION_ID, "string", "keyed pseudonym of the session"),
    _ITEM,
    TableColumn(c.EVENT_TYPE, "string", "view, cart, purchase or return"),
    TableColumn(c.EVENT_TIME, "timestamp", "time of the event, UTC"),
    TableColumn(c.QUANTITY, "double", "pieces"),
    TableColumn(c.PRICE, "decimal(18,4)", "price of one piece in the shop's currency"),
    TableColumn(c.TITLE, "string", "the item's title as the event carried it"),
    TableColumn(c.CATEGORY, "string", "the item's category as the event carried it"),
    TableColumn(c.CONTEXT, "map<string,string>", "further values that the mapping keeps"),
)

RAW_EVENTS = Table(
    "raw_events",
    "Every landed record as the mapping reads it, pseudonymised, before the contract is checked.",
    (
        *_EVENT,
        TableColumn(c.SKIPPED, "boolean", "the mapping's `where` excludes the row: it is not an event"),
        TableColumn(c.CORRUPT, "string", "the raw record, if it could not be parsed"),
        _DAY,
        *_SOURCE,
        TableColumn(c.ID_FLAW, "string", "reason code of a bad user or session id, found before it was hashed"),
    ),
)
QUARANTINED_EVENTS = Table(
    "quarantined_events",
    "Records that break the contract, with the reason, kept until the mapping or the export is corrected.",
    (
        *_EVENT,
        TableColumn(c.REASON, "string", "the first rule of the contract the record breaks"),
        TableColumn(c.CORRUPT, "string", "the raw record, if it could not be parsed"),
        _DAY,
        *_SOURCE,
    ),
)
EVENTS = Table(
    "events",
    "Canonical events: valid and without duplicates.",
    (*_EVENT, _SHOPPER, _DAY, *_SOURCE),
)
ITEMS = Table(
    "items",
    "The last title, category and price of each item that had events on a day.",
    (
        _ITEM,
        TableColumn(c.TITLE, "string", "the item's title"),
        TableColumn(c.CATEGORY, "string", "the item's category"),
        TableColumn(c.PRICE, "decimal(18,4)", "price of one piece in the shop's currency"),
        _DAY,
        TableColumn(
            c.ATTRIBUTES, "map<string,string>", "further columns that FRESHET_ITEM_SCHEMA names, from the context"
        ),
    ),
)
ITEM_FEATURES = Table(
    "item_features",
    "How often an item was seen, carted and bought on a day, and by how many shoppers.",
    (
        _ITEM,
        TableColumn("views", "bigint", "events of type view"),
        TableColumn("carts", "bigint", "events of type cart"),
        TableColumn("purchases", "bigint", "events of type purchase"),
        TableColumn("shoppers", "bigint", "distinct shoppers with an event of the item that day"),
        _DAY,
    ),
)
USER_FEATURES = Table(
    "user_features",
    "How many events and purchases a shopper had on a day.",
    (
        _SHOPPER,
        TableColumn("events", "bigint", "all events"),
        TableColumn("purchases", "bigint", "events of type purchase"),
        _DAY,
    ),
)
HISTORIES = Table(
    "histories",
    "A shopper's events of a day in canonical order: the fragments a history is merged from.",
    (
        _SHOPPER,
        TableColumn(
            "events",
            "array<struct<event_time: timestamp, item_id: string, event_type: string>>",
            "ordered by event time, then as the source listed them",
        ),
        _DAY,
    ),
)
IMPRESSIONS = Table(
    "impressions",
    "Recommendations shown to shoppers: one row per response of the gateway.",
    (
        TableColumn("request_id", "string", "the gateway's id of the response"),
        TableColumn(c.SHOPPER, "string", "pseudonym of the shopper; null for requests without one"),
        TableColumn("items", "array<string>", "catalogue ids, best first"),
        TableColumn("tier", "string", "the fallback tier that answered"),
        TableColumn("arm", "string", "champion, or another model that answered"),
        TableColumn("bundle", "string", "sha256 of the bundle that answered"),
        TableColumn("release", "int", "number of the release that answered, as `freshet releases` lists it"),
        TableColumn("shown_at", "timestamp", "time of the response, UTC"),
        _DAY,
        TableColumn(c.SOURCE_FILE, "string", "the landed file, relative to landing/impressions"),
        TableColumn(c.SOURCE_ROW, "bigint", "line in that file, from 1"),
    ),
)
VOCABULARY = Table(
    "vocabulary",
    "Item id and dense index, append-only within a generation, with the latest facts of the catalogue.",
    (
        _ITEM,
        TableColumn("index", "int", "dense, from 1; 0 is padding"),
        TableColumn("first_landing_date", "date", "landing day of the item's first event"),
        TableColumn(c.TITLE, "string", "the last title"),
        TableColumn(c.CATEGORY, "string", "the last category"),
        TableColumn(c.PRICE, "decimal(18,4)", "the last price"),
        TableColumn("tombstone", "boolean", "delisted: keeps its index, is never recommended"),
        TableColumn("generation", "int", "number of the index assignment; a cold start may begin a new one"),
        TableColumn(c.ATTRIBUTES, "map<string,string>", "the last values of further columns"),
    ),
    daily=False,
)
TRAINING_SET = Table(
    "training_set",
    "One row per shopper: everything landed by a day, as indexes of the vocabulary, in canonical order.",
    (
        _SHOPPER,
        TableColumn("items", "array<int>", "index in the vocabulary"),
        TableColumn("types", "array<int>", "code of the event type, from 1"),
        TableColumn("times", "array<bigint>", "seconds since 1970, UTC"),
        TableColumn("days", "array<int>", "landing date, days since 1970"),
        TableColumn("first_day", "int", "landing day of the shopper's first event, days since 1970"),
        TableColumn("activity", "bigint", "events landed up to the last day of training"),
        TableColumn("purchases", "bigint", "purchases landed up to the last day of training"),
    ),
    daily=False,
)
RECOMMENDATIONS = Table(
    "recommendations",
    "One list of recommendations per shopper of the latest histories, from the released bundle.",
    (
        _SHOPPER,
        TableColumn("items", "array<string>", "catalogue ids, best first"),
        TableColumn("scores", "array<float>", "the ranker's score of each item"),
        TableColumn("tier", "string", "sequence: the model; popular: the shopper has no item of the vocabulary"),
        TableColumn("bundle", "string", "sha256 of the bundle that scored the items"),
        TableColumn("as_of", "date", "the last landing day in the histories"),
    ),
    daily=False,
)
TABLES = (
    RAW_EVENTS, QUARANTINED_EVENTS, EVENTS, ITEMS, ITEM_FEATURES, USER_FEATURES, HISTORIES, IMPRESSIONS, VOCABULARY,
    TRAINING_SET, RECOMMENDATIONS,
)  # fmt: skip
