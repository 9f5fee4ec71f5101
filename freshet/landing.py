"""The landing: what producers dropped, one folder per landing day. Files are put there once and never changed."""

import io
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO, Final

from freshet.store import Store

EVENTS: Final = "landing/events"
IMPRESSIONS: Final = "landing/impressions"


@dataclass(frozen=True, order=True)
class LandedFile:
    """A file in the landing. name: `dt=2024-01-01/clicks.csv.gz`, below landing/events; day: its landing day."""

    day: date
    name: str
    below: str = EVENTS

    @property
    def path(self) -> str:
        """Its path in the lake's store."""
        return f"{self.below}/{self.name}"


@dataclass(frozen=True)
class StoredFile:
    """A landed file together with the store it lies in: it can be opened."""

    store: Store
    landed: LandedFile

    @property
    def name(self) -> str:
        return self.landed.name

    @property
    def url(self) -> str:
        return self.store.where(self.landed.path)

    def open(self) -> BinaryIO:
        """Its bytes. Of a lake on S3 the whole file is fetched."""
        if self.store.is_local:
            return self.store.local_path(self.landed.path).open("rb")
        return io.BytesIO(self.store.get(self.landed.path))


def landed_files(store: Store, days: Collection[date] | None = None, below: str = EVENTS) -> list[LandedFile]:
    """The files landed on `days` (on any day: None), by day and name; what Spark would not read is left out.

    below: what landed, EVENTS or IMPRESSIONS.
    """
    if days is None:
        return sorted(filter(None, (landed_file(path, below) for path in store.list(below))))
    prefixes = [f"{below}/dt={day.isoformat()}" for day in sorted(set(days))]
    # A listing a day is cheap for one day and dear for a year.
    if len(prefixes) > 7:
        wanted = set(days)
        return [file for file in landed_files(store, None, below) if file.day in wanted]
    found = (landed_file(path, below) for prefix in prefixes for path in store.list(prefix))
    return sorted(filter(None, found))


def landing_days(store: Store) -> list[date]:
    """The days on which something landed, in order."""
    return sorted({file.day for file in landed_files(store)})


def landed_file(path: str, below: str = EVENTS) -> LandedFile | None:
    """The file at `path` of the store, None for one that is hidden (`.x`, `_x`) or lies in no day's folder."""
    name = path.removeprefix(f"{below}/")
    folder, _, rest = name.partition("/")
    if not rest or not folder.startswith("dt=") or any(part.startswith((".", "_")) for part in rest.split("/")):
        return None
    try:
        return LandedFile(date.fromisoformat(folder.removeprefix("dt=")), name, below)
    except ValueError:
        return None
