"""The landing: producers' files, one folder per landing day. A file never changes after it has landed."""

import io
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO, Final

from freshet.store import Store

EVENTS_PREFIX: Final = "landing/events"
IMPRESSIONS_PREFIX: Final = "landing/impressions"
MAX_TASK_FILE_BYTES: Final = 256 << 20  # up to this size one Spark task reads a file; a larger one may be split


MAX_DAY_LISTINGS: Final = 7  # for more days, one listing of the whole landing is faster than one for each day


@dataclass(frozen=True, order=True)
class LandedFile:
    """A file in the landing. name: `dt=2024-01-01/clicks.csv.gz`, below landing/events; day: its landing day."""

    day: date
    name: str
    prefix: str = EVENTS_PREFIX

    @property
    def path(self) -> str:
        """Its path in the lake's store."""
        return f"{self.prefix}/{self.name}"


@dataclass(frozen=True)
class StoredFile:
    """A landed file with its store, so that it can be opened."""

    store: Store
    file: LandedFile

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def full_path(self) -> str:
        return self.store.full_path(self.file.path)

    def open(self) -> BinaryIO:
        """Open the file for reading; from S3 all of it is fetched first."""
        if self.store.is_local:
            return self.store.local_path(self.file.path).open("rb")
        return io.BytesIO(self.store.get(self.file.path))


def landed_files(store: Store, days: Collection[date] | None = None, prefix: str = EVENTS_PREFIX) -> list[LandedFile]:
    """Return the files landed on `days` (None: on any day), by day and name, without those that Spark does not read.

    prefix: EVENTS_PREFIX or IMPRESSIONS_PREFIX.
    """
    if days is None:
        return sorted(filter(None, (landed_file(path, prefix) for path in store.list(prefix))))
    prefixes = [f"{prefix}/dt={day.isoformat()}" for day in sorted(set(days))]
    if len(prefixes) > MAX_DAY_LISTINGS:
        day_set = set(days)
        return [file for file in landed_files(store, None, prefix) if file.day in day_set]
    files = (landed_file(path, prefix) for day_prefix in prefixes for path in store.list(day_prefix))
    return sorted(filter(None, files))


def landing_days(store: Store) -> list[date]:
    """Return the days that have landed files, in order."""
    return sorted({file.day for file in landed_files(store)})


def landed_file(path: str, prefix: str = EVENTS_PREFIX) -> LandedFile | None:
    """Return the file at `path` of the store; None if it is hidden (`.x`, `_x`) or in no day's folder."""
    name = path.removeprefix(f"{prefix}/")
    folder, _, rest = name.partition("/")
    if not rest or not folder.startswith("dt=") or any(part.startswith((".", "_")) for part in rest.split("/")):
        return None
    try:
        return LandedFile(date.fromisoformat(folder.removeprefix("dt=")), name, prefix)
    except ValueError:
        return None
