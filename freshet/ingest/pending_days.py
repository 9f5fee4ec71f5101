"""What lies in the landing, day by day, against what the daily tables last read of it: which days are to be run."""

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

LANDING_PREFIXES: Final = {
    "raw_events": EVENTS_PREFIX,
    "impressions": IMPRESSIONS_PREFIX,
}  # daily table → the landing folder it reads


@dataclass(frozen=True)
class LandedDay:
    """What has landed on one day. files: table → how many files it will read."""

    day: date
    files: Mapping[str, int]
    digest: str  # of all names, sizes and times
    last_change: datetime  # when the last of the files was written, or the day was accepted, UTC


@dataclass(frozen=True)
class LastIngest:
    """What the last attempt at one day saw. files: table → how many files it read; at: when it ended, UTC."""

    files: Mapping[str, int]
    ended_at: datetime


def landing_folder_days(store: Store) -> list[date]:
    """Every day that has a folder in the landing, in order: cheap, however many files there are."""
    names = {name for prefix in LANDING_PREFIXES.values() for name in store.list_folders(prefix)}
    # A file of that name would be in the day's folder: what is no day's folder is told apart in one place.
    files = (landed_file(f"{EVENTS_PREFIX}/{name}/x") for name in names)
    return sorted(file.day for file in files if file is not None)


def scan_landing(store: Store, days: Collection[date] | None = None) -> dict[date, LandedDay]:
    """What has landed on these days (on any: None), in order. Listings only, nothing is opened."""
    infos_by_day: dict[date, dict[str, list[FileInfo]]] = defaultdict(lambda: {table: [] for table in LANDING_PREFIXES})
    for table, landing_prefix in LANDING_PREFIXES.items():
        prefixes = [landing_prefix] if days is None else [f"{landing_prefix}/dt={day}" for day in days]
        for info in (stamp for prefix in prefixes for stamp in store.list_info(prefix)):
            if (file := landed_file(info.path, landing_prefix)) is not None:
                infos_by_day[file.day][table].append(info)
    accepted = acceptance_stamps(store)
    return {day: _landed_day(day, infos_by_day[day], accepted.get(day, ())) for day in sorted(infos_by_day)}


def last_ingests(store: Store, days: Collection[date]) -> dict[date, LastIngest]:
    """What the daily tables last read of these days; a day that was never run is left out."""
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
    """Whether the day holds something its last run has not seen: files more or fewer, or one written since.

    A file that landed while the run was reading is found by its number, one that was replaced by its time.
    """
    if last is None or landed.last_change > last.ended_at:
        return True
    return any(count != last.files.get(table, 0) for table, count in landed.files.items())


def short_digest(parts: Iterable[str]) -> str:
    """A short name for a list of texts."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _landed_day(day: date, infos: Mapping[str, list[FileInfo]], accepted: Sequence[FileInfo]) -> LandedDay:
    # A day that a person accepted holds news, too: its gate lets it pass now.
    all_infos = [*(stamp for table_infos in infos.values() for stamp in table_infos), *accepted]
    return LandedDay(
        day=day,
        files={table: len(own) for table, own in infos.items()},
        digest=short_digest(f"{stamp.path} {stamp.bytes} {stamp.modified.isoformat()}" for stamp in all_infos),
        last_change=max(stamp.modified for stamp in all_infos),
    )
