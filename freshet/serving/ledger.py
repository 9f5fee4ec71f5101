"""The gateway's one store, an SQLite file: events waiting for the lake and the recent events of every shopper.

`waiting` holds the lines still to land, `events` what is known of each shopper, `segments` which lines go into which
file. All writes pass one thread (`writer.py`); readers have connections of their own and see what was committed.
"""

import secrets
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from freshet.live.released import Event
from freshet.serving.clock import SECOND
from freshet.serving.posted import Accepted
from freshet.serving.problems import GatewayError
from freshet.serving.state import sync_folders

FILE: Final = "gateway.sqlite"
VERSION: Final = 1
PRUNED: Final = 2000  # events forgotten at once
RECENT: Final = 400  # events of one shopper that are read
SCHEMA: Final = """
CREATE TABLE gateway(id TEXT NOT NULL);
CREATE TABLE events(
    seq INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL UNIQUE, shopper TEXT NOT NULL, item_id TEXT NOT NULL,
    event_type TEXT NOT NULL, event_time INTEGER NOT NULL, day INTEGER NOT NULL, title TEXT, category TEXT, price REAL
);
CREATE INDEX events_of ON events(shopper, seq);
CREATE TABLE waiting(
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, day INTEGER NOT NULL, line BLOB NOT NULL
);
CREATE TABLE segments(
    number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, day INTEGER NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL
);
"""
WAITING_OF: Final = "CREATE INDEX IF NOT EXISTS waiting_of ON waiting(kind, day)"  # what is cut is found at once
ADD: Final = (
    "INSERT OR IGNORE INTO events(event_id, shopper, item_id, event_type, event_time, day, title, category, price)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
WAIT: Final = "INSERT INTO waiting(kind, day, line) VALUES (?, ?, ?)"
OF: Final = (
    "SELECT item_id, event_type, event_time, day, title, category, price FROM events WHERE shopper = ?"
    " ORDER BY seq DESC LIMIT ?"
)


class Content(NamedTuple):
    """What an event said of its item."""

    title: str
    category: str
    price: float | None


class Recent(NamedTuple):
    """What the gateway itself knows of one shopper, in the order in which it happened."""

    events: list[Event]
    contents: list[Content]


def create(folder: Path) -> str:
    """Make the store if it is not there yet, synced to disk with its folder; returns the gateway's id.

    Raises GatewayError when the file is no store of this version.
    """
    connection = connect(folder)
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            script = (
                f"BEGIN; {SCHEMA} INSERT INTO gateway VALUES ('{secrets.token_hex(4)}'); PRAGMA user_version={VERSION};"
            )
            connection.executescript(f"{script} COMMIT;")
            sync_folders(folder)
        elif version != VERSION:
            fix = "start the Freshet that wrote it until its events have landed, then set it aside"
            raise GatewayError(str(folder / FILE), f"is of version {version}, this Freshet reads {VERSION}", fix)
        connection.execute(WAITING_OF)
        return str(connection.execute("SELECT id FROM gateway").fetchone()[0])
    finally:
        connection.close()


def connect(folder: Path) -> sqlite3.Connection:
    """A connection that syncs every commit. Raises GatewayError when the file is none of SQLite's."""
    path = folder / FILE
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
    except sqlite3.Error as error:
        fix = "move it away and start again; what has not landed is in it"
        raise GatewayError(str(path), f"cannot be opened ({error})", fix) from error
    return connection


def add(connection: sqlite3.Connection, rows: Sequence[tuple[str, Accepted]], day: int) -> list[bool]:
    """Keep events of (shopper, event), landing on `day`; for each whether it is new (its event_id was unknown)."""
    new = []
    for shopper, accepted in rows:
        e = accepted.event
        about = (e.item_id, e.event_type, accepted.micros, day, e.title, e.category, e.price)
        added = connection.execute(ADD, (accepted.event_id, shopper, *about)).rowcount > 0
        if added:
            connection.execute(WAIT, ("events", day, accepted.line()))
        new.append(added)
    return new


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
