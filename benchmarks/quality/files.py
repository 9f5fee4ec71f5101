"""Readers of public data sets: files of interactions and of sessions as packed sequences. Errors name the line."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from freshet.data.history import Ints
from freshet.errors import FreshetError

if TYPE_CHECKING:
    import pandas as pd

COLUMN_NAMES: Final = (
    ("session", "sessionid", "session_id"),
    ("item", "itemid", "item_id"),
    ("time", "timestamp", "ts", "eventtime", "event_time"),
)
MIN_MILLISECOND_TIME: Final = 100_000_000_000  # a time from here on (the year 5138 in seconds) is in milliseconds


@dataclass(frozen=True)
class Sequences:
    """Packed events: owner `s`, a shopper or a session, has the rows `offsets[s]:offsets[s + 1]`."""

    owners: NDArray[np.str_]  # (S,)
    offsets: Ints  # (S + 1,)
    items: NDArray[np.str_]  # (N,) ids
    times: Ints | None  # (N,) seconds since 1970; None where the file has none

    def __len__(self) -> int:
        return len(self.offsets) - 1


def read_interactions(path: Path) -> Sequences:
    """Sequences of a file with lines `user item item …`, or with pairs `user item` if every line has two fields.

    Raises FreshetError for an empty or missing file, a line without an item, and a shopper on two lines.
    """
    lines = [line.split() for line in _lines(path)]
    if not any(lines):
        raise FreshetError(str(path), "no line in it", "give a file with lines `user item item …` or `user item`")
    short_line = next((number for number, line in enumerate(lines, start=1) if len(line) < 2), None)
    if short_line is not None:
        what = f"{' '.join(lines[short_line - 1])!r} has no item"
        raise FreshetError(f"{path}, line {short_line}", what, "write `user item item …` or `user item` on every line")
    if all(len(line) == 2 for line in lines):
        return pack_sequences(np.array([line[0] for line in lines]), np.array([line[1] for line in lines]), None)
    _check_unique_users(path, [line[0] for line in lines])
    owners = np.repeat([line[0] for line in lines], [len(line) - 1 for line in lines])
    return pack_sequences(owners, np.array([item for line in lines for item in line[1:]]), None)


def read_sessions(path: Path, columns: tuple[str, str, str] | None = None) -> Sequences:
    """Sequences of tab-separated clicks: session, item, time (seconds, milliseconds or ISO 8601), in any order.

    columns: the header's names of the three; None: the usual names, or the first three columns without a header.
    Raises FreshetError for an empty or missing file, a missing column and an invalid time.
    """
    frame = _read_table(path)
    session, item, time = (frame[name] for name in _match_columns(path, [str(c) for c in frame.columns], columns))
    return pack_sequences(session.to_numpy(str), item.to_numpy(str), _parse_seconds(path, time))


def pack_sequences(owners: NDArray[np.str_], items: NDArray[np.str_], times: Ints | None) -> Sequences:
    """Pack the rows by owner, owners in the order of their first row; within an owner by time, then as listed."""
    _, first_rows, owner_index = np.unique(owners, return_index=True, return_inverse=True)
    owner_rank = np.argsort(np.argsort(first_rows))[owner_index]  # owners in the order in which the file has them
    order = np.argsort(owner_rank, kind="stable") if times is None else np.lexsort((times, owner_rank))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(owner_rank))])
    return Sequences(owners[np.sort(first_rows)], offsets, items[order], None if times is None else times[order])


def _lines(path: Path) -> Iterator[str]:
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as text:
            yield from text
    except (OSError, UnicodeDecodeError) as error:
        raise FreshetError(str(path), f"cannot be read: {error}", "give a text file, as it is or as .gz") from error


def _check_unique_users(path: Path, users: list[str]) -> None:
    line_by_user: dict[str, int] = {}
    for number, user in enumerate(users, start=1):
        if user in line_by_user:
            what = f"shopper {user} stands on line {line_by_user[user]} already"
            raise FreshetError(f"{path}, line {number}", what, "write all items of a shopper on one line")
        line_by_user[user] = number


def _read_table(path: Path) -> "pd.DataFrame":
    """The file as text columns, named by its header, or 0, 1, 2 … without a header."""
    import pandas as pd

    first_fields = next(_lines(path), "").rstrip("\n").split("\t")
    if len(first_fields) < 3:
        what = f"{len(first_fields)} tab-separated columns in the first line, where session, item and time are three"
        raise FreshetError(str(path), what, "give a tab-separated file with a row per click")
    header = None if any(_is_number(value) for value in first_fields) else 0
    frame = pd.read_csv(path, sep="\t", header=header, dtype=str, keep_default_na=False, on_bad_lines="error")
    if frame.empty:
        raise FreshetError(str(path), "a header and no row", "give a tab-separated file with a row per click")
    return frame.rename(columns=str)


def _match_columns(path: Path, header: list[str], columns: tuple[str, str, str] | None) -> list[str]:
    """The names of session, item and time in this file."""
    if columns is None and header[0] == "0":
        return header[:3]
    accepted_names = [(name,) for name in columns] if columns else list(COLUMN_NAMES)
    columns_by_name = {name if columns else name.lower(): name for name in header}
    matches = [
        next((columns_by_name[name] for name in names if name in columns_by_name), None) for names in accepted_names
    ]
    missing = [names[0] for names, name in zip(accepted_names, matches, strict=True) if name is None]
    if missing:
        what = f"no column for {', '.join(missing)} (there is: {', '.join(header)})"
        raise FreshetError(str(path), what, "name them in this order: --columns session,item,time")
    return [name for name in matches if name is not None]


def _parse_seconds(path: Path, times: "pd.Series[str]") -> Ints:
    import pandas as pd

    numbers = pd.to_numeric(times, errors="coerce")
    if numbers.isna().any():
        numbers = (pd.to_datetime(times, errors="coerce", utc=True, format="ISO8601") - pd.Timestamp(0, tz="UTC")) / (
            pd.Timedelta(seconds=1)
        )
    invalid_rows = np.flatnonzero(numbers.isna())
    if len(invalid_rows):
        what = f"{times.iloc[invalid_rows[0]]!r} is not a time, nor are {len(invalid_rows) - 1:,} more"
        raise FreshetError(f"{path}, row {invalid_rows[0] + 1}", what, "write seconds since 1970 or ISO 8601")
    values = numbers.to_numpy(float)
    return np.floor(values / 1000 if values.max() >= MIN_MILLISECOND_TIME else values).astype(np.int64)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
