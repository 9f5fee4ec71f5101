"""What is written into the gateway's one store and read from it (its file: `ledger_file.py`).

All writes pass one thread (`writer.py`); readers have connections of their own and see what was committed.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from freshet.data.history_events import HistoryEvent
from freshet.serving.clock import MICROS_PER_SECOND
from freshet.serving.http.event_schema import ValidatedEvent

MAX_PRUNED_EVENTS: Final = 2000  # events forgotten at once
MAX_RECENT_EVENTS: Final = 400  # events of one shopper that are read
INSERT_EVENT_SQL: Final = (
    "INSERT OR IGNORE INTO"
    " events(event_id, shopper, item_id, event_type, event_time, day, title, category, price, digest)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
IS_SAME_EVENT_SQL: Final = (  # rows of version 1 have no digest: there the shopper, the item and the type have to agree
    "SELECT coalesce(digest = ?, shopper = ? AND item_id = ? AND event_type = ?) FROM events WHERE event_id = ?"
)
INSERT_WAITING_SQL: Final = "INSERT INTO waiting(kind, day, line) VALUES (?, ?, ?)"
RECENT_EVENTS_SQL: Final = (
    "SELECT item_id, event_type, event_time, day, title, category, price FROM events WHERE shopper = ?"
    " ORDER BY seq DESC LIMIT ?"
)


StoreStatus = Literal["accepted", "duplicate", "conflict"]


class ItemMetadata(NamedTuple):
    """What an event said of its item."""

    title: str
    category: str
    price: float | None


class RecentEvents(NamedTuple):
    """What the gateway itself knows of one shopper, in the order in which it happened."""

    events: list[HistoryEvent]
    item_metadata: list[ItemMetadata]


def add_events(
    connection: sqlite3.Connection, rows: Sequence[tuple[str, ValidatedEvent]], day: int
) -> list[StoreStatus]:
    """Keep events of (shopper, event), landing on `day`; what became of each.

    An event id names one event of the whole shop, as in the tables, which publish the first that landed with it: here
    another event of the same id is a conflict, so that its sender hears of it instead of the tables' dropping it.
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
    """Let lines of (kind, day, line) wait to be landed."""
    connection.executemany(INSERT_WAITING_SQL, lines)


def recent_events(connection: sqlite3.Connection, shopper: str) -> RecentEvents:
    """The shopper's last RECENT events that were committed."""
    rows = connection.execute(RECENT_EVENTS_SQL, (shopper, MAX_RECENT_EVENTS)).fetchall()[::-1]
    rows.sort(key=lambda row: row[2])  # by microsecond, as the tables order them; at once: in the order of arrival
    item_metadata = [ItemMetadata(title or "", category or "", price) for *_, title, category, price in rows]
    return RecentEvents(
        [
            HistoryEvent(item, event_type, micros // MICROS_PER_SECOND, day)
            for item, event_type, micros, day, *_ in rows
        ],
        item_metadata,
    )


def recent_shoppers(connection: sqlite3.Connection, limit: int) -> list[str]:
    """The shoppers seen last, latest first."""
    last = "SELECT shopper, seq FROM events ORDER BY seq DESC LIMIT ?"
    by_shopper = f"SELECT shopper FROM ({last}) GROUP BY shopper ORDER BY max(seq) DESC LIMIT ?"
    return [row[0] for row in connection.execute(by_shopper, (20 * limit, limit))]


def prune(connection: sqlite3.Connection, before_day: int, max_rows: int) -> int:
    """Forget some of the oldest events: those of days before `before`, and beyond the last `rows`; returns how many.

    PRUNED of them at most, so that no post waits long for it: call it until it returns 0. What waits to land stays.
    """
    last_seq = connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0]
    oldest = "SELECT seq FROM events ORDER BY seq LIMIT ?"
    delete = f"DELETE FROM events WHERE seq IN ({oldest}) AND (day < ? OR seq <= ?)"
    return connection.execute(delete, (MAX_PRUNED_EVENTS, before_day, last_seq - max_rows)).rowcount
