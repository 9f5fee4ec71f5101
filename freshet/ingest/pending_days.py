"""Pending days: landing days whose files differ from those that the daily tables last read."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from freshet.anomalies.acceptance import acceptance_stamps
from freshet.landing import EVENTS_PREFIX, IMPRESSIONS_PREFIX, landed_file
from freshet.store import FileInfo, Store
from freshet.tables import day_records

# Daily table → the landing folder that it reads.
LANDING_PREFIXES: Final = {"raw_events": EVENTS_PREFIX, "impressions": IMPRESSIONS_PREFIX}


@dataclass(frozen=True)
class LandedDay:
    """The files of one landing day. files: table → how many files it will read."""

    day: date
    files: Mapping[str, int]
    digest: str  # of all names, sizes and times
    last_change: datetime  # when the last of the files was written, or the day was accepted, UTC


@dataclass(frozen=True)
class LastIngest:
    """The last run of one day. files: table → how many files it read; ended_at: UTC."""

    files: Mapping[str, int]
    ended_at: datetime


def landing_folder_days(store: Store) -> list[date]:
    """Return every day that has a folder in the landing, in order; files are not listed."""
    names = {name for prefix in LANDING_PREFIXES.values() for name in store.list_folders(prefix)}
    # `landed_file` alone decides which folder is a day's: it is asked about a file that would lie in this one.
    files = (landed_file(f"{EVENTS_PREFIX}/{name}/x") for name in names)
    return sorted(file.day for file in files if file is not None)


def scan_landing(store: Store, days: Collection[date] | None = None) -> dict[date, LandedDay]:
    """Return the files landed on these days (None: on any day), in order. Folders are listed, no file is opened."""
    infos_by_day: dict[date, dict[str, list[FileInfo]]] = defaultdict(lambda: {table: [] for table in LANDING_PREFIXES})
    for table, landing_prefix in LANDING_PREFIXES.items():
        prefixes = [landing_prefix] if days is None else [f"{landing_prefix}/dt={day}" for day in days]
        for prefix in prefixes:
            for info in store.list_info(prefix):
                if (file := landed_file(info.path, landing_prefix)) is not None:
                    infos_by_day[file.day][table].append(info)
    accepted = acceptance_stamps(store)
    return {day: _landed_day(day, infos_by_day[day], accepted.get(day, ())) for day in sorted(infos_by_day)}


def last_ingests(store: Store, days: Collection[date]) -> dict[date, LastIngest]:
    """Return the last run of each of these days; a day that was never run is left out."""
    records = {table: day_records.latest_records(store, table, days) for table in LANDING_PREFIXES}
    attempt_times = {table: day_records.last_attempt_times(store, table, days) for table in LANDING_PREFIXES}
    return {
        day: LastIngest(
            {table: records[table][day].counts.get("files", 0) for table in LANDING_PREFIXES if day in records[table]},
            max(times[day] for times in attempt_times.values() if day in times),
        )
        for day in sorted(set().union(*records.values()))
    }


def has_new_files(landed: LandedDay, last: LastIngest | None) -> bool:
    """Return whether the day's files differ from those of its last run: more or fewer, or one written since.

    The number finds a file that landed while the run was reading, the time one that was replaced.
    """
    if last is None or landed.last_change > last.ended_at:
        return True
    return any(count != last.files.get(table, 0) for table, count in landed.files.items())


def short_digest(parts: Iterable[str]) -> str:
    """Return 16 hex digits that identify a list of texts."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _landed_day(day: date, infos: Mapping[str, list[FileInfo]], accepted: Sequence[FileInfo]) -> LandedDay:
    # An acceptance changes the day, too: its gate lets it pass now.
    all_infos = [*(info for table_infos in infos.values() for info in table_infos), *accepted]
    return LandedDay(
        day=day,
        files={table: len(table_infos) for table, table_infos in infos.items()},
        digest=short_digest(f"{info.path} {info.bytes} {info.modified.isoformat()}" for info in all_infos),
        last_change=max(info.modified for info in all_infos),
    )
