"""Reads and writes of the event store (its SQLite file: `event_store_file.py`).

All writes go through one thread (`writer.py`); readers have their own connections and see what is committed.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from freshet.data.history_events import HistoryEvent
from freshet.serving.clock import MICROS_PER_SECOND
from freshet.serving.schemas.event_schema import ValidatedEvent

MAX_PRUNED_EVENTS: Final = 2000  # events deleted in one job
MAX_RECENT_EVENTS: Final = 400  # of one shopper's events, the latest
INSERT_EVENT_SQL: Final = (
    "INSERT OR IGNORE INTO"
    " events(event_id, shopper, item_id, event_type, event_time, day, title, category, price, digest)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
IS_SAME_EVENT_SQL: Final = (  # rows of version 1 have no digest: shopper, item and type are compared instead
    "SELECT coalesce(digest = ?, shopper = ? AND item_id = ? AND event_type = ?) FROM events WHERE event_id = ?"
)
INSERT_WAITING_SQL: Final = "INSERT INTO waiting(kind, day, line) VALUES (?, ?, ?)"
RECENT_EVENTS_SQL: Final = (
    "SELECT item_id, event_type, event_time, day, title, category, price FROM events WHERE shopper = ?"
    " ORDER BY seq DESC LIMIT ?"
)


StoreStatus = Literal["accepted", "duplicate", "conflict"]


class ItemMetadata(NamedTuple):
    """Title, category and price of an item, as sent with an event."""

    title: str
    category: str
    price: float | None


class RecentEvents(NamedTuple):
    """One shopper's events in this store with their item metadata, oldest first."""

    events: list[HistoryEvent]
    item_metadata: list[ItemMetadata]


def add_events(
    connection: sqlite3.Connection, rows: Sequence[tuple[str, ValidatedEvent]], day: int
) -> list[StoreStatus]:
    """Store (shopper, event) pairs that land on `day`, days since 1970; return the status of each.

    An event id is unique in the whole shop, as in the tables, which publish the first event that landed with it.
    Another event with the same id is a conflict: its sender gets an error, where the tables would drop the event.
    """
    return [_add_event(connection, shopper, valid_event, day) for shopper, valid_event in rows]


def _add_event(connection: sqlite3.Connection, shopper: str, valid_event: ValidatedEvent, day: int) -> StoreStatus:
    event, digest = valid_event.event, valid_event.digest()
    columns = (
        event.item_id,
        event.event_type,
        valid_event.micros,
        day,
        event.title,
        event.category,
        event.price,
        digest,
    )
    if connection.execute(INSERT_EVENT_SQL, (valid_event.event_id, shopper, *columns)).rowcount > 0:
        connection.execute(INSERT_WAITING_SQL, ("events", day, valid_event.landing_line()))
        return "accepted"
    comparison = (digest, shopper, event.item_id, event.event_type, valid_event.event_id)
    return "duplicate" if connection.execute(IS_SAME_EVENT_SQL, comparison).fetchone()[0] else "conflict"


def enqueue(connection: sqlite3.Connection, lines: Sequence[tuple[str, int, bytes]]) -> None:
    """Add lines of (kind, day, line) to those that wait for landing."""
    connection.executemany(INSERT_WAITING_SQL, lines)


def recent_events(connection: sqlite3.Connection, shopper: str) -> RecentEvents:
    """Return the shopper's last MAX_RECENT_EVENTS committed events."""
    rows = connection.execute(RECENT_EVENTS_SQL, (shopper, MAX_RECENT_EVENTS)).fetchall()[::-1]
    rows.sort(key=lambda row: row[2])  # by microsecond, as in the tables; ties stay in order of arrival
    item_metadata = [ItemMetadata(title or "", category or "", price) for *_, title, category, price in rows]
    return RecentEvents(
        [
            HistoryEvent(item, event_type, micros // MICROS_PER_SECOND, day)
            for item, event_type, micros, day, *_ in rows
        ],
        item_metadata,
    )


def recent_shoppers(connection: sqlite3.Connection, limit: int) -> list[str]:
    """Return the shoppers with the latest events, latest first."""
    last = "SELECT shopper, seq FROM events ORDER BY seq DESC LIMIT ?"
    by_shopper = f"SELECT shopper FROM ({last}) GROUP BY shopper ORDER BY max(seq) DESC LIMIT ?"
    return [row[0] for row in connection.execute(by_shopper, (20 * limit, limit))]


def prune(connection: sqlite3.Connection, before_day: int, max_rows: int) -> int:
    """Delete events of days before `before_day`, and all but the last `max_rows`; return how many were deleted.

    Deletes at most MAX_PRUNED_EVENTS, so that posts do not wait long: call it until it returns 0. Waiting lines stay.
    """
    last_seq = connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0]
    oldest = "SELECT seq FROM events ORDER BY seq LIMIT ?"
    delete = f"DELETE FROM events WHERE seq IN ({oldest}) AND (day < ? OR seq <= ?)"
    return connection.execute(delete, (MAX_PRUNED_EVENTS, before_day, last_seq - max_rows)).rowcount
