"""The published tables: columns, their meaning, their partitions. docs/tables.md names every column's consumer."""

from dataclasses import dataclass

from pyspark.sql import types as T

from freshet import columns as c


@dataclass(frozen=True)
class Column:
    """One column: name, Spark SQL type, meaning."""

    name: str
    type: str
    meaning: str


@dataclass(frozen=True)
class Table:
    """One Iceberg table of the lake."""

    name: str
    title: str
    columns: tuple[Column, ...]
    daily: bool = True  # partitioned by landing_date

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def struct(self) -> T.StructType:
        """The schema as Spark sees it."""
        return T.StructType([T.StructField(column.name, T.DataType.fromDDL(column.type)) for column in self.columns])


_DAY = Column(c.LANDING_DATE, "date", "the day on which Freshet learned of it")
_ITEM = Column(c.ITEM_ID, "string", "the catalogue's id of the item")
_SHOPPER = Column(c.SHOPPER, "string", "who did it: the user's pseudonym where known, else the session's")
_SOURCE = (
    Column(c.SOURCE_FILE, "string", "the landed file, relative to landing/events"),
    Column(c.SOURCE_ROW, "bigint", "record in that file, from 1"),
    Column(c.SOURCE_POSITION, "int", "element of an exploded record, from 0"),
)
_EVENT = (
    Column(c.EVENT_ID, "string", "the shop's id of the event, or a hash of all its columns"),
    Column(c.USER_ID, "string", "keyed pseudonym of the user"),
    Column(c.SESSION_ID, "string", "keyed pseudonym of the session"),
    _ITEM,
    Column(c.EVENT_TYPE, "string", "view, cart, purchase or return"),
    Column(c.EVENT_TIME, "timestamp", "when it happened, UTC"),
    Column(c.QUANTITY, "double", "pieces"),
    Column(c.PRICE, "decimal(18,4)", "price of one piece in the shop's currency"),
    Column(c.TITLE, "string", "the item's title as the event carried it"),
    Column(c.CATEGORY, "string", "the item's category as the event carried it"),
    Column(c.CONTEXT, "map<string,string>", "whatever else the mapping keeps"),
)

RAW_EVENTS = Table(
    "raw_events",
    "Every landed record as the mapping reads it, pseudonymised; nothing is judged yet.",
    (
        *_EVENT,
        Column(c.SKIPPED, "boolean", "the mapping's `where` says this is no event"),
        Column(c.CORRUPT, "string", "the record as it stands in the file, where it could not be parsed"),
        _DAY,
        *_SOURCE,
        Column(c.FLAW, "string", "reason code of what only the bare user or session id showed"),
    ),
)
QUARANTINED_EVENTS = Table(
    "quarantined_events",
    "Records that break the contract, with the reason; they wait here until mapping or contract are mended.",
    (*_EVENT, Column(c.REASON, "string", "the first rule of the contract the record breaks"),
     Column(c.CORRUPT, "string", "the record as it stands in the file, where it could not be parsed"), _DAY, *_SOURCE),
)  # fmt: skip
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
        Column(c.TITLE, "string", "the item's title"),
        Column(c.CATEGORY, "string", "the item's category"),
        Column(c.PRICE, "decimal(18,4)", "price of one piece in the shop's currency"),
        _DAY,
        Column(c.ATTRIBUTES, "map<string,string>", "further columns that FRESHET_ITEM_INPUTS names, from the context"),
    ),
)
ITEM_FEATURES = Table(
    "item_features",
    "How often an item was seen, carted and bought on a day, and by how many shoppers.",
    (
        _ITEM,
        Column("views", "bigint", "events of type view"),
        Column("carts", "bigint", "events of type cart"),
        Column("purchases", "bigint", "events of type purchase"),
        Column("shoppers", "bigint", "different shoppers who met the item that day"),
        _DAY,
    ),
)
USER_FEATURES = Table(
    "user_features",
    "What a shopper did on a day.",
    (
        _SHOPPER,
        Column("events", "bigint", "all events"),
        Column("purchases", "bigint", "events of type purchase"),
        _DAY,
    ),
)
HISTORIES = Table(
    "histories",
    "A shopper's events of a day in canonical order: the fragments a history is merged from.",
    (
        _SHOPPER,
        Column(
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
        Column("request_id", "string", "the gateway's id of the answer"),
        Column(c.SHOPPER, "string", "who was shown it, as a pseudonym; null for bare clicks"),
        Column("items", "array<string>", "catalogue ids, best first: the position is the order"),
        Column("tier", "string", "which rung of the ladder answered"),
        Column("arm", "string", "champion, or who else answered"),
        Column("bundle", "string", "sha256 of the bundle that answered"),
        Column("release", "int", "number of the release that served, as `freshet releases` lists it"),
        Column("shown_at", "timestamp", "when it was answered, UTC"),
        _DAY,
        Column(c.SOURCE_FILE, "string", "the landed file, relative to landing/impressions"),
        Column(c.SOURCE_ROW, "bigint", "line in that file, from 1"),
    ),
)
VOCABULARY = Table(
    "vocabulary",
    "Item id and dense index, append-only within a generation, with the latest facts of the catalogue.",
    (
        _ITEM,
        Column("index", "int", "dense, from 1; 0 is padding"),
        Column("first_landing_date", "date", "the day on which the item was first met"),
        Column(c.TITLE, "string", "the last title known"),
        Column(c.CATEGORY, "string", "the last category known"),
        Column(c.PRICE, "decimal(18,4)", "the last price known"),
        Column("tombstone", "boolean", "delisted: keeps its index, is never recommended"),
        Column("generation", "int", "a cold start may begin a new one"),
        Column(c.ATTRIBUTES, "map<string,string>", "the last further columns known"),
    ),
    daily=False,
)
TRAINING_SET = Table(
    "training_set",
    "One row per shopper: everything landed by a day, as indexes of the vocabulary, in canonical order.",
    (
        _SHOPPER,
        Column("items", "array<int>", "index in the vocabulary"),
        Column("types", "array<int>", "code of the event type, from 1"),
        Column("times", "array<bigint>", "seconds since 1970, UTC"),
        Column("days", "array<int>", "landing date, days since 1970"),
        Column("first_day", "int", "landing day of the shopper's first event, days since 1970"),
        Column("activity", "bigint", "events landed by the cut"),
        Column("purchases", "bigint", "purchases landed by the cut"),
    ),
    daily=False,
)
RECOMMENDATIONS = Table(
    "recommendations",
    "One list per shopper of the latest histories: what the bundle that serves would show.",
    (
        _SHOPPER,
        Column("items", "array<string>", "catalogue ids, best first"),
        Column("scores", "array<float>", "the ranker's score of each item"),
        Column("tier", "string", "sequence: the model; popular: it knew none of the shopper's items"),
        Column("bundle", "string", "sha256 of the bundle that was asked"),
        Column("as_of", "date", "the last landing day in the histories"),
    ),
    daily=False,
)
TABLES = (
    RAW_EVENTS, QUARANTINED_EVENTS, EVENTS, ITEMS, ITEM_FEATURES, USER_FEATURES, HISTORIES, IMPRESSIONS, VOCABULARY,
    TRAINING_SET, RECOMMENDATIONS,
)  # fmt: skip
