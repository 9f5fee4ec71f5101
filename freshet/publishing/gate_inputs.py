"""Gate inputs: profile columns that the staged rows do not hold, about landed files and upstream tables."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from freshet.ingest.contract import REASONS
from freshet.landing import LandedFile
from freshet.store import Store
from freshet.tables import day_records
from freshet.tables.day_records import DayRecord

if TYPE_CHECKING:
    from freshet.ingest.read_landing import LandedFileIssue

DayColumn = Mapping[date, object]
GateInputs = Mapping[str, DayColumn]  # column of the profile → day → value
DayRecords = Mapping[date, DayRecord]
UNDELIVERED: Final = "undelivered"  # 1 for a day without a landed file, which makes it `empty`; else 0


def with_lookback(days: Sequence[date], lookback_days: int) -> Sequence[date]:
    """Return the days and the `lookback_days` days before each of them, sorted."""
    return sorted({day - timedelta(days=number) for day in days for number in range(lookback_days + 1)})


def landing_inputs(
    days: Sequence[date], files: Sequence[LandedFile], problems: Sequence["LandedFileIssue"]
) -> GateInputs:
    """Return per day: the number of files, of unreadable files and their problems, and whether no file landed."""
    issues_by_day = {day: [p for p in problems if p.file.day == day] for day in days}
    file_counts = Counter(file.day for file in files)
    return {
        "files": {day: file_counts[day] for day in days},
        UNDELIVERED: {day: int(file_counts[day] == 0) for day in days},
        "broken_files": {day: len(issues_by_day[day]) for day in days},
        "file_problems": {
            day: ", ".join(f"{p.file.name} {p.problem} ({p.fix})" for p in issues_by_day[day]) for day in days
        },
    }


def read_inputs(
    days: Sequence[date], expected_counts: Mapping[LandedFile, int], read_counts: Mapping[tuple[date, str], int]
) -> GateInputs:
    """Return per day how many records of its files were read, not read, or read twice.

    expected_counts: file → its records, counted without Spark. read_counts: (day, file) → records that Spark read.
    """
    counts = {file: (count, read_counts.get((file.day, file.name), 0)) for file, count in expected_counts.items()}
    counts_by_day = {day: {f: pair for f, pair in counts.items() if f.day == day} for day in days}
    return {
        "files_read": {day: sum(n_read > 0 for _, n_read in files.values()) for day, files in counts_by_day.items()},
        "unread_records": {
            day: sum(max(0, count - n_read) for count, n_read in files.values()) for day, files in counts_by_day.items()
        },
        "records_read_twice": {
            day: sum(max(0, n_read - count) for count, n_read in files.values()) for day, files in counts_by_day.items()
        },
        "miscounted_files": {day: _describe_miscounts(files) for day, files in counts_by_day.items()},
    }


def _describe_miscounts(counts: Mapping[LandedFile, tuple[int, int]]) -> str:
    return ", ".join(
        f"{file.name} holds {count:,} records and {n_read:,} were read"
        for file, (count, n_read) in counts.items()
        if count != n_read
    )


def upstream_inputs(store: Store, table: str, days: Sequence[date]) -> tuple[GateInputs, DayRecords]:
    """Return `upstream_missing`, `upstream_reason` and `undelivered` per day, and the upstream table's records.

    A day is also missing if its last attempt was refused: no table is made from a day whose replacement failed.
    """
    records = day_records.latest_records(store, table, days)
    reasons = {day: _missing_reason(table, records.get(day)) for day in days}
    inputs: GateInputs = {
        "upstream_missing": {day: int(bool(reasons[day])) for day in days},
        "upstream_reason": dict(reasons),
        UNDELIVERED: {day: int(day in records and records[day].verdict == "empty") for day in days},
    }
    return inputs, records


def expected_counts(records: DayRecords, days: Sequence[date], count_name: str, minus: str | None = None) -> DayColumn:
    """Return a count of the upstream table per day (`rows`, `items`, …), minus another one; 0 without a record."""
    return {
        day: recorded_count(records, day, count_name) - (recorded_count(records, day, minus) if minus else 0)
        for day in days
    }


def accounting_inputs(
    days: Sequence[date], raw: DayRecords, quarantined: DayRecords, duplicates: Mapping[date, int]
) -> GateInputs:
    """Return per day the counts that other tables' gates took, and the most frequent reason of the quarantine."""
    return {
        "files": {day: recorded_count(raw, day, "files") for day in days},
        "landed": {day: recorded_count(raw, day, "rows") for day in days},
        "skipped": {day: recorded_count(raw, day, "skipped") for day in days},
        "quarantined": {day: recorded_count(quarantined, day, "rows") for day in days},
        "duplicate": {day: duplicates.get(day, 0) for day in days},
        "top_reason": {day: _top_reason(quarantined, day) for day in days},
    }


def recorded_count(records: DayRecords, day: date, name: str) -> int:
    """Return a count of a day's record; 0 without a record."""
    return records[day].counts.get(name, 0) if day in records else 0


def _top_reason(quarantined: DayRecords, day: date) -> str:
    code = max(REASONS, key=lambda name: recorded_count(quarantined, day, name))
    return f"{code} {recorded_count(quarantined, day, code)}" if recorded_count(quarantined, day, code) else "none"


def _missing_reason(table: str, record: DayRecord | None) -> str:
    if record is None:
        return f"{table} of that day are not published"
    if record.verdict == "refused":
        return f"{table} of that day were refused ({'; '.join(record.why)})"
    return ""
