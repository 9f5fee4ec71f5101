"""What a gate must know beside the stage itself: what landed, and what the tables before it published."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from freshet import days as day_records
from freshet.days import DayRecord
from freshet.landing import LandedFile
from freshet.store import Store
from freshet.tables.contract import REASONS

if TYPE_CHECKING:
    from freshet.tables.sources import FileProblem

Column = Mapping[date, object]
Facts = Mapping[str, Column]  # column of the profile → day → value
Records = Mapping[date, DayRecord]
UNDELIVERED: Final = "undelivered"  # the fact that makes a day `empty`: 1 where no file landed for it, else 0


def with_look_back(days: Sequence[date], count: int) -> Sequence[date]:
    """The days and the `count` days before each of them, in order."""
    return sorted({day - timedelta(days=number) for day in days for number in range(count + 1)})


def landing(days: Sequence[date], files: Sequence[LandedFile], problems: Sequence["FileProblem"]) -> Facts:
    """Files per day, those that cannot be read and what is wrong with them; and the days without any."""
    told = {day: [p for p in problems if p.file.day == day] for day in days}
    landed = Counter(file.day for file in files)
    return {
        "files": {day: landed[day] for day in days},
        UNDELIVERED: {day: int(landed[day] == 0) for day in days},
        "broken_files": {day: len(told[day]) for day in days},
        "file_problems": {day: ", ".join(f"{p.file.name} {p.problem} ({p.fix})" for p in told[day]) for day in days},
    }


def reading(days: Sequence[date], held: Mapping[LandedFile, int], read: Mapping[tuple[date, str], int]) -> Facts:
    """What was read of each file beside what lies in it.

    held: file → its records, counted without Spark. read: (day, file) → the records that Spark made of it.
    """
    counts = {file: (count, read.get((file.day, file.name), 0)) for file, count in held.items()}
    of_day = {day: {f: pair for f, pair in counts.items() if f.day == day} for day in days}
    return {
        "files_read": {day: sum(got > 0 for _, got in own.values()) for day, own in of_day.items()},
        "unread": {day: sum(max(0, count - got) for count, got in own.values()) for day, own in of_day.items()},
        "read_twice": {day: sum(max(0, got - count) for count, got in own.values()) for day, own in of_day.items()},
        "miscounted": {day: _miscounted(own) for day, own in of_day.items()},
    }


def _miscounted(counts: Mapping[LandedFile, tuple[int, int]]) -> str:
    return ", ".join(
        f"{file.name} holds {count:,} records and {got:,} were read"
        for file, (count, got) in counts.items()
        if count != got
    )


def upstream(store: Store, table: str, days: Sequence[date]) -> tuple[Facts, Records]:
    """(`upstream_missing`, `upstream_why` and `undelivered` per day, the upstream's records).

    A day counts as missing when its last attempt was refused, too: nothing is built on a day that somebody
    has just tried to replace and could not.
    """
    records = day_records.read(store, table, days)
    why = {day: _why(table, records.get(day)) for day in days}
    known: Facts = {
        "upstream_missing": {day: int(bool(why[day])) for day in days},
        "upstream_why": dict(why),
        UNDELIVERED: {day: int(day in records and records[day].verdict == "empty") for day in days},
    }
    return known, records


def expected(records: Records, days: Sequence[date], what: str, less: str | None = None) -> Column:
    """A count of the upstream per day (`rows`, `items`, …), less another one; 0 where it has no record."""
    return {day: count(records, day, what) - (count(records, day, less) if less else 0) for day in days}


def accounts(days: Sequence[date], raw: Records, quarantined: Records, duplicates: Mapping[date, int]) -> Facts:
    """files, landed, skipped, quarantined, duplicate, and the reason met most: each counted by another table's gate."""
    return {
        "files": {day: count(raw, day, "files") for day in days},
        "landed": {day: count(raw, day, "rows") for day in days},
        "skipped": {day: count(raw, day, "skipped") for day in days},
        "quarantined": {day: count(quarantined, day, "rows") for day in days},
        "duplicate": {day: duplicates.get(day, 0) for day in days},
        "worst": {day: _worst(quarantined, day) for day in days},
    }


def count(records: Records, day: date, name: str) -> int:
    """One count of one day; 0 where there is no record."""
    return records[day].counts.get(name, 0) if day in records else 0


def _worst(quarantined: Records, day: date) -> str:
    code = max(REASONS, key=lambda name: count(quarantined, day, name))
    return f"{code} {count(quarantined, day, code)}" if count(quarantined, day, code) else "none"


def _why(table: str, record: DayRecord | None) -> str:
    if record is None:
        return f"{table} of that day are not published"
    if record.verdict == "refused":
        return f"{table} of that day were refused ({'; '.join(record.why)})"
    return ""
