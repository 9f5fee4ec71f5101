"""What lies in the landing, day by day, against what the daily tables last read of it: which days are to be run."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from freshet import days as day_records
from freshet.landing import EVENTS, IMPRESSIONS, landed_file
from freshet.past.acceptance import accepted_on
from freshet.store import Stamp, Store

SOURCES: Final = {"raw_events": EVENTS, "impressions": IMPRESSIONS}  # daily table → the landing folder it reads


@dataclass(frozen=True)
class Arrival:
    """What has landed on one day. files: table → how many files it will read."""

    day: date
    files: Mapping[str, int]
    digest: str  # of all names, sizes and times
    latest: datetime  # when the last of the files was written, or the day was accepted, UTC


@dataclass(frozen=True)
class LastRun:
    """What the last attempt at one day saw. files: table → how many files it read; at: when it ended, UTC."""

    files: Mapping[str, int]
    at: datetime


def landed_days(store: Store) -> list[date]:
    """Every day that has a folder in the landing, in order: cheap, however many files there are."""
    names = {name for below in SOURCES.values() for name in store.folders(below)}
    # A file of that name would be in the day's folder: what is no day's folder is told apart in one place.
    found = (landed_file(f"{EVENTS}/{name}/x") for name in names)
    return sorted(file.day for file in found if file is not None)


def arrivals(store: Store, days: Collection[date] | None = None) -> dict[date, Arrival]:
    """What has landed on these days (on any: None), in order. Listings only, nothing is opened."""
    found: dict[date, dict[str, list[Stamp]]] = defaultdict(lambda: {table: [] for table in SOURCES})
    for table, below in SOURCES.items():
        prefixes = [below] if days is None else [f"{below}/dt={day}" for day in days]
        for stamp in (stamp for prefix in prefixes for stamp in store.stamps(prefix)):
            if (file := landed_file(stamp.path, below)) is not None:
                found[file.day][table].append(stamp)
    accepted = accepted_on(store)
    return {day: _arrival(day, found[day], accepted.get(day, ())) for day in sorted(found)}


def last_runs(store: Store, days: Collection[date]) -> dict[date, LastRun]:
    """What the daily tables last read of these days; a day that was never run is left out."""
    records = {table: day_records.read(store, table, days) for table in SOURCES}
    tried = {table: day_records.last_attempts(store, table, days) for table in SOURCES}
    return {
        day: LastRun(
            {table: records[table][day].counts.get("files", 0) for table in SOURCES if day in records[table]},
            max(times[day] for times in tried.values() if day in times),
        )
        for day in sorted(set().union(*records.values()))
    }


def differs(arrival: Arrival, last: LastRun | None) -> bool:
    """Whether the day holds something its last run has not seen: files more or fewer, or one written since.

    A file that landed while the run was reading is found by its number, one that was replaced by its time.
    """
    if last is None or arrival.latest > last.at:
        return True
    return any(count != last.files.get(table, 0) for table, count in arrival.files.items())


def digest(parts: Iterable[str]) -> str:
    """A short name for a list of texts."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _arrival(day: date, stamps: Mapping[str, list[Stamp]], accepted: Sequence[Stamp]) -> Arrival:
    # A day that a person accepted holds news, too: its gate lets it pass now.
    every = [*(stamp for own in stamps.values() for stamp in own), *accepted]
    return Arrival(
        day=day,
        files={table: len(own) for table, own in stamps.items()},
        digest=digest(f"{stamp.path} {stamp.bytes} {stamp.modified.isoformat()}" for stamp in every),
        latest=max(stamp.modified for stamp in every),
    )
