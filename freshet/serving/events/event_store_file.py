"""The event store's SQLite file: its schema, versions, connections and damage.

Tables: `events` holds the recent events of every shopper, `waiting` the lines that have not landed yet, `segments`
which of them go into which landing file.
"""

import secrets
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from freshet.serving.errors import GatewayError
from freshet.serving.state_lock import sync_folders

STORE_FILE: Final = "gateway.sqlite"
SCHEMA_VERSION: Final = 2
SCHEMA_SQL: Final = """
CREATE TABLE gateway(id TEXT NOT NULL);
CREATE TABLE events(
    seq INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL UNIQUE, shopper TEXT NOT NULL, item_id TEXT NOT NULL,
    event_type TEXT NOT NULL, event_time INTEGER NOT NULL, day INTEGER NOT NULL, title TEXT, category TEXT, price REAL,
    digest BLOB
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
MIGRATE_TO_2_SQL: Final = "BEGIN; ALTER TABLE events ADD COLUMN digest BLOB; PRAGMA user_version=2; COMMIT;"
WAITING_INDEX_SQL: Final = "CREATE INDEX IF NOT EXISTS waiting_of ON waiting(kind, day)"  # for segment bounds
DAMAGE_CODES: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
DAMAGE_FIX: Final = "move its folder away and start again; docs/gateway.md shows how to recover the waiting events"


def create_store(folder: Path) -> str:
    """Create the store if it does not exist, synced to disk with its folder; return the gateway's id.

    A store of version 1 is migrated. Raises GatewayError if the file is damaged or of an unknown version.
    """
    path = folder / STORE_FILE
    try:
        with closing(_open(path, "rwc")) as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                _create_schema(connection, folder)
            elif version not in (1, SCHEMA_VERSION):
                what = f"has version {version}, this Freshet reads version {SCHEMA_VERSION}"
                fix = "run the Freshet that wrote it until its events have landed, then move it away"
                raise GatewayError(str(path), what, fix)
            _check_integrity(connection, path)
            if version == 1:
                connection.executescript(MIGRATE_TO_2_SQL)
            connection.execute(WAITING_INDEX_SQL)
            return str(connection.execute("SELECT id FROM gateway").fetchone()[0])
    except sqlite3.DatabaseError as error:
        raise GatewayError(str(path), f"cannot be opened ({error})", DAMAGE_FIX) from error


def connect(folder: Path) -> sqlite3.Connection:
    """Return a connection that syncs every commit. Raises GatewayError if there is no SQLite file."""
    path = folder / STORE_FILE
    try:
        return _open(path, "rw")
    except sqlite3.Error as error:
        raise GatewayError(str(path), f"cannot be opened ({error})", DAMAGE_FIX) from error


def is_corruption(error: Exception) -> bool:
    """Whether the error means a damaged file, rather than a busy, full or unreachable one."""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGE_CODES


def file_identity(folder: Path) -> tuple[int, int]:
    """Return device and inode of the store's file. Raises OSError if there is none."""
    stat = (folder / STORE_FILE).stat()
    return stat.st_dev, stat.st_ino


def _open(path: Path, mode: str) -> sqlite3.Connection:
    """Open a connection. mode: `rw`, or `rwc` to create a missing file."""
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=5)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _create_schema(connection: sqlite3.Connection, folder: Path) -> None:
    insert_gateway = f"INSERT INTO gateway VALUES ('{secrets.token_hex(4)}'); PRAGMA user_version={SCHEMA_VERSION};"
    connection.executescript(f"BEGIN; {SCHEMA_SQL} {insert_gateway} COMMIT;")
    sync_folders(folder)


def _check_integrity(connection: sqlite3.Connection, path: Path) -> None:
    """Read every page once, because landing would fail on a damaged one again and again."""
    messages = [row[0] for row in connection.execute("PRAGMA quick_check(1)")]
    if messages != ["ok"]:
        raise GatewayError(str(path), f"is damaged ({' '.join(messages[0].split())})", DAMAGE_FIX)
