"""The published tables: columns, their meaning, their partitions. docs/tables.md names every column's consumer."""

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
        """The schema as Spark sees it."""
        return T.StructType([T.StructField(column.name, T.DataType.fromDDL(column.type)) for column in self.columns])


_DAY = TableColumn(c.LANDING_DATE, "date", "the day on which Freshet learned of it")
_ITEM = TableColumn(c.ITEM_ID, "string", "the catalogue's id of the item")
_SHOPPER = TableColumn(c.SHOPPER, "string", "who did it: the user's pseudonym where known, else the session's")
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
    TableColumn(c.EVENT_TIME, "timestamp", "when it happened, UTC"),
    TableColumn(c.QUANTITY, "double", "pieces"),
    TableColumn(c.PRICE, "decimal(18,4)", "price of one piece in the shop's currency"),
    TableColumn(c.TITLE, "string", "the item's title as the event carried it"),
    TableColumn(c.CATEGORY, "string", "the item's category as the event carried it"),
    TableColumn(c.CONTEXT, "map<string,string>", "whatever else the mapping keeps"),
)

RAW_EVENTS = Table(
    "raw_events",
    "Every landed record as the mapping reads it, pseudonymised; nothing is judged yet.",
    (
        *_EVENT,
        TableColumn(c.SKIPPED, "boolean", "the mapping's `where` says this is no event"),
        TableColumn(c.CORRUPT, "string", "the record as it stands in the file, where it could not be parsed"),
        _DAY,
        *_SOURCE,
        TableColumn(c.PRE_HASH_REASON, "string", "reason code of what only the bare user or session id showed"),
    ),
)
QUARANTINED_EVENTS = Table(
    "quarantined_events",
    "Records that break the contract, with the reason; they wait here until mapping or contract are mended.",
    (
        *_EVENT,
        TableColumn(c.REASON, "string", "the first rule of the contract the record breaks"),
        TableColumn(c.CORRUPT, "string", "the record as it stands in the file, where it could not be parsed"),
        _DAY,
        *_SOURCE,
    ),
)
EVENTS = Table(
    "events",
    "Canonical events: valid, each one once.",
    (*_EVENT, _SHOPPER, _DAY, *_SOURCE),
)
ITEMS = Table(
    "items",
    "What was learned of an item on a day: the last title, category and price seen.",
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
        TableColumn("shoppers", "bigint", "different shoppers who met the item that day"),
        _DAY,
    ),
)
USER_FEATURES = Table(
    "user_features",
    "What a shopper did on a day.",
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
    "What shoppers were shown: one row per answer of the gateway.",
    (
        TableColumn("request_id", "string", "the gateway's id of the answer"),
        TableColumn(c.SHOPPER, "string", "who was shown it, as a pseudonym; null for bare clicks"),
        TableColumn("items", "array<string>", "catalogue ids, best first: the position is the order"),
        TableColumn("tier", "string", "which rung of the ladder answered"),
        TableColumn("arm", "string", "champion, or who else answered"),
        TableColumn("bundle", "string", "sha256 of the bundle that answered"),
        TableColumn("release", "int", "number of the release that served, as `freshet releases` lists it"),
        TableColumn("shown_at", "timestamp", "when it was answered, UTC"),
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
        TableColumn("first_landing_date", "date", "the day on which the item was first met"),
        TableColumn(c.TITLE, "string", "the last title known"),
        TableColumn(c.CATEGORY, "string", "the last category known"),
        TableColumn(c.PRICE, "decimal(18,4)", "the last price known"),
        TableColumn("tombstone", "boolean", "delisted: keeps its index, is never recommended"),
        TableColumn("generation", "int", "a cold start may begin a new one"),
        TableColumn(c.ATTRIBUTES, "map<string,string>", "the last further columns known"),
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
        TableColumn("activity", "bigint", "events landed by the cut"),
        TableColumn("purchases", "bigint", "purchases landed by the cut"),
    ),
    daily=False,
)
RECOMMENDATIONS = Table(
    "recommendations",
    "One list per shopper of the latest histories: what the bundle that serves would show.",
    (
        _SHOPPER,
        TableColumn("items", "array<string>", "catalogue ids, best first"),
        TableColumn("scores", "array<float>", "the ranker's score of each item"),
        TableColumn("tier", "string", "sequence: the model; popular: it knew none of the shopper's items"),
        TableColumn("bundle", "string", "sha256 of the bundle that was asked"),
        TableColumn("as_of", "date", "the last landing day in the histories"),
    ),
    daily=False,
)
TABLES = (
    RAW_EVENTS, QUARANTINED_EVENTS, EVENTS, ITEMS, ITEM_FEATURES, USER_FEATURES, HISTORIES, IMPRESSIONS, VOCABULARY,
    TRAINING_SET, RECOMMENDATIONS,
)  # fmt: skip
