"""What is written into the gateway's one store and read from it (its file: `ledger_file.py`).

All writes pass one thread (`writer.py`); readers have connections of their own and see what was committed.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from freshet.live.released import Event
from freshet.serving.clock import SECOND
from freshet.serving.posted import Accepted

PRUNED: Final = 2000  # events forgotten at once
RECENT: Final = 400  # events of one shopper that are read
ADD: Final = (
    "INSERT OR IGNORE INTO"
    " events(event_id, shopper, item_id, event_type, event_time, day, title, category, price, digest)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
SAME: Final = (  # rows of version 1 have no digest: there the shopper, the item and the type have to agree
    "SELECT coalesce(digest = ?, shopper = ? AND item_id = ? AND event_type = ?) FROM events WHERE event_id = ?"
)
WAIT: Final = "INSERT INTO waiting(kind, day, line) VALUES (?, ?, ?)"
OF: Final = (
    "SELECT item_id, event_type, event_time, day, title, category, price FROM events WHERE shopper = ?"
    " ORDER BY seq DESC LIMIT ?"
)


Kept = Literal["accepted", "duplicate", "conflict"]


class Content(NamedTuple):
    """What an event said of its item."""

    title: str
    category: str
    price: float | None


class Recent(NamedTuple):
    """What the gateway itself knows of one shopper, in the order in which it happened."""

    events: list[Event]
    contents: list[Content]


def add(connection: sqlite3.Connection, rows: Sequence[tuple[str, Accepted]], day: int) -> list[Kept]:
    """Keep events of (shopper, event), landing on `day`; what became of each.

    An event id names one event of the whole shop, as in the tables, which publish the first that landed with it: here
    another event of the same id is a conflict, so that its sender hears of it instead of the tables' dropping it.
    """
    return [_add(connection, shopper, accepted, day) for shopper, accepted in rows]


def _add(connection: sqlite3.Connection, shopper: str, accepted: Accepted, day: int) -> Kept:
    e, digest = accepted.event, accepted.digest()
    about = (e.item_id, e.event_type, accepted.micros, day, e.title, e.category, e.price, digest)
    if connection.execute(ADD, (accepted.event_id, shopper, *about)).rowcount > 0:
        connection.execute(WAIT, ("events", day, accepted.line()))
        return "accepted"
    compared = (digest, shopper, e.item_id, e.event_type, accepted.event_id)
    return "duplicate" if connection.execute(SAME, compared).fetchone()[0] else "conflict"


def wait(connection: sqlite3.Connection, lines: Sequence[tuple[str, int, bytes]]) -> None:
    """Let lines of (kind, day, line) wait to be landed."""
    connection.executemany(WAIT, lines)


def recent(connection: sqlite3.Connection, shopper: str) -> Recent:
    """The shopper's last RECENT events that were committed."""
    rows = connection.execute(OF, (shopper, RECENT)).fetchall()[::-1]
    rows.sort(key=lambda row: row[2])  # by microsecond, as the tables order them; at once: in the order of arrival
    contents = [Content(title or "", category or "", price) for *_, title, category, price in rows]
    return Recent([(item, kind, micros // SECOND, day) for item, kind, micros, day, *_ in rows], contents)


def recent_shoppers(connection: sqlite3.Connection, count: int) -> list[str]:
    """The shoppers seen last, latest first."""
    last = "SELECT shopper, seq FROM events ORDER BY seq DESC LIMIT ?"
    by_shopper = f"SELECT shopper FROM ({last}) GROUP BY shopper ORDER BY max(seq) DESC LIMIT ?"
    return [row[0] for row in connection.execute(by_shopper, (20 * count, count))]


def prune(connection: sqlite3.Connection, before: int, rows: int) -> int:
    """Forget some of the oldest events: those of days before `before`, and beyond the last `rows`; returns how many.

    PRUNED of them at most, so that no post waits long for it: call it until it returns 0. What waits to land stays.
    """
    last = connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0]
    oldest = "SELECT seq FROM events ORDER BY seq LIMIT ?"
    forget = f"DELETE FROM events WHERE seq IN ({oldest}) AND (day < ? OR seq <= ?)"
    return connection.execute(forget, (PRUNED, before, last - rows)).rowcount
