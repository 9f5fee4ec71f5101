"""Recover waiting events from a damaged event store, as posts for another gateway.

    python -m freshet.serving.events.rescue aside

The argument is a state folder that was moved away. Each line of the output is a list of up to 1,000 events for
`POST /v1/events`; events that have landed already become duplicates by their event id. The last line of stderr counts
the lines that could not be read.
"""

import argparse
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from freshet.serving.events.event_store_file import STORE_FILE
from freshet.serving.schemas.event_schema import MAX_POST_EVENTS

MAX_SCANNED_LINES: Final = 5_000_000  # lines before the last that are tried if the first one's number cannot be read


def main() -> None:
    """Print the recovered events."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    events, n_unreadable = recover_lines(parser.parse_args().folder)
    for start in range(0, len(events), MAX_POST_EVENTS):
        lines = b",".join(line.rstrip(b"\n") for line in events[start : start + MAX_POST_EVENTS])
        sys.stdout.write(f"[{lines.decode()}]\n")
    sys.stderr.write(f"{len(events):,} events, {n_unreadable:,} lines that cannot be read\n")


def recover_lines(folder: Path) -> tuple[list[bytes], int]:
    """Return the event lines in order, and the number of unreadable lines. Does not change the folder."""
    with closing(sqlite3.connect(f"{(folder / STORE_FILE).absolute().as_uri()}?mode=ro", uri=True)) as connection:
        lines = list(_lines(connection))
    return [line for line in lines if line], sum(line is None for line in lines)


def _lines(connection: sqlite3.Connection) -> Iterator[bytes | None]:
    """Yield every waiting line: an event's line, b"" for another kind, None if it cannot be read."""
    last_seq = _query_int(connection, "SELECT seq FROM sqlite_sequence WHERE name = 'waiting'", 0)
    first_seq = _query_int(connection, "SELECT min(seq) FROM waiting", max(1, last_seq - MAX_SCANNED_LINES))
    for number in range(first_seq, last_seq + 1):
        try:
            row = connection.execute("SELECT kind, line FROM waiting WHERE seq = ?", (number,)).fetchone()
        except sqlite3.DatabaseError:
            yield None
            continue
        if row is not None:
            yield row[1] if row[0] == "events" else b""


def _query_int(connection: sqlite3.Connection, query: str, default: int) -> int:
    try:
        row = connection.execute(query).fetchone()
    except sqlite3.DatabaseError:
        return default
    return default if row is None or row[0] is None else int(row[0])


if __name__ == "__main__":
    main()
